#include "cli/ports.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/outbox.h"
#include "state.h"

#define PORTS_FILE "l2tp-ports"

struct port_line {
	char gateway[HOST_TEXT_MAX];
	uint16_t port;
};

static size_t read_lines(struct port_line lines[PORTS_KEPT])
{
	FILE *f = state_open(PORTS_FILE, "r");
	char text[HOST_TEXT_MAX + 16];
	size_t n = 0;

	while (f && n < PORTS_KEPT && fgets(text, sizeof(text), f)) {
		char *blank = strchr(text, ' ');
		unsigned long port = blank ? strtoul(blank, NULL, 10) : 0;
		if (!blank || blank == text || blank >= text + HOST_TEXT_MAX || port == 0 ||
			port > UINT16_MAX)
			continue;
		*blank = 0;
		memcpy(lines[n].gateway, text, (size_t)(blank - text) + 1);
		lines[n++].port = (uint16_t)port;
	}
	if (f)
		fclose(f);
	return n;
}

uint16_t port_recall(const char *gateway)
{
	struct port_line lines[PORTS_KEPT];
	size_t n = read_lines(lines);

	for (size_t i = 0; i < n; i++)
		if (strcasecmp(lines[i].gateway, gateway) == 0)
			return lines[i].port;
	return 0;
}

void port_keep(const char *gateway, uint16_t port)
{
	struct port_line lines[PORTS_KEPT];
	size_t n = read_lines(lines), kept = port != 0;
	FILE *f = state_open(PORTS_FILE, "w");

	if (!f)
		return;
	if (port)
		fprintf(f, "%s %u\n", gateway, port);
	for (size_t i = 0; i < n && kept < PORTS_KEPT; i++)
		if (strcasecmp(lines[i].gateway, gateway) != 0) {
			fprintf(f, "%s %u\n", lines[i].gateway, lines[i].port);
			kept++;
		}
	fclose(f);
}

void ports_recall(struct profile *p)
{
	for (size_t i = 0; p->type == CONN_L2TP && i < p->n_gateways; i++)
		p->known_ports[i] = port_recall(p->gateways[i]);
}

void ports_keep(const struct profile *p, const struct status *st)
{
	uint16_t usual = st->ppp.source_port == L2TP_PORT ? 0 : st->ppp.source_port;

	if (st->ppp.source_port && !st->ppp.port_for_now && !p->source_port &&
		usual != port_recall(st->gateway.name))
		port_keep(st->gateway.name, usual);
}
