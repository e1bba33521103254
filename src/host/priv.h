/*
 * What the files of host/ share and nobody else sees.
 *
 * Netlink is spoken through libnl's sockets, messages and attributes. What is put into the kernel is
 * described by plain values (struct item); a change is a list of steps that is done whole or not at
 * all. Functions that touch files take a directory's descriptor or a path, so that tests can hand
 * them another one.
 */
#ifndef HOST_PRIV_H
#define HOST_PRIV_H

#include <limits.h>
#include <linux/netlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <sys/types.h>

#include "host/host.h"

enum { INSTANCE_MAX = 64 };

/* --- nl.c: questions and batches ---------------------------------------------------------------- */

/* The answers to one question, message behind message; free with nl_reply_free. */
struct nl_reply {
	uint8_t *data;
	size_t len, room;
};

/* Its first message (m is NULL), or the one behind m; NULL: that was the last. */
struct nlmsghdr *nl_next(const struct nl_reply *r, const struct nlmsghdr *m);

struct nl_sock *nl_connect_route(struct err *e) MUST_CHECK;
struct nl_sock *nl_connect_xfrm(struct err *e) MUST_CHECK;
struct nl_sock *nl_connect_netfilter(struct err *e) MUST_CHECK;
/* Hears what the kernel tells these groups; non-blocking. */
struct nl_sock *nl_listen(
	int protocol, const int *groups, size_t n, const char *to_what, struct err *e) MUST_CHECK;
/* Each message that has come. True: there were more than the socket could hold. */
bool nl_hear(struct nl_sock *sk, void (*each)(const struct nlmsghdr *m, void *arg), void *arg);
/* Sends msg (and frees it) and gathers what comes back. doing names it in the error; the errno that
 * the kernel gave, 0 or a positive number, goes to *code where code is not NULL. */
bool nl_ask(struct nl_sock *sk, struct nl_msg *msg, struct nl_reply *out, int *code,
	const char *doing, struct err *e) MUST_CHECK;
/* Asks for all of a kind; head is the question's header. */
bool nl_ask_all(struct nl_sock *sk, int type, const void *head, size_t len, const char *doing,
	struct nl_reply *out, struct err *e) MUST_CHECK;
/* Whether the kernel has objected to what was sent. */
bool nl_errors(struct nl_sock *sk, const char *doing, struct err *e) MUST_CHECK;
void nl_reply_free(struct nl_reply *r);
void nl_msg_free(struct nl_msg *m); /* wipes it, for it may hold keys; NULL is fine */
/* The kernel's own sentence in an NLMSG_ERROR, or NULL. */
const char *nl_error_text(const struct nlmsghdr *h);

enum { NL_BATCH_MAX = 128 }; /* few enough that the errors of all of them fit the receive buffer */

struct nl_result {
	int code; /* the kernel's errno: 0 is done, -1 not tried */
	char said[100];
};

/* Sends n messages (at most NL_BATCH_MAX; a NULL among them: no memory) as one datagram and frees them.
 * True when every result is known, whatever it is. */
bool nl_batch(struct nl_sock *sk, struct nl_msg **v, size_t n, struct nl_result *results,
	const char *doing, struct err *e) MUST_CHECK;
/* An error of the kernel in words; code is positive. */
bool nl_error(struct err *e, int code, const char *kernel_says, const char *doing);
struct nlattr *nl_attr(const struct nlmsghdr *h, size_t header, int type);
uint32_t nl_attr_u32(const struct nlmsghdr *h, size_t header, int type, uint32_t otherwise);

/* --- item.c: what we put into the kernel -------------------------------------------------------- */

enum item_kind { ITEM_LINK, ITEM_ADDR, ITEM_ROUTE, ITEM_RULE, ITEM_POLICY };

struct item {
	enum item_kind kind;
	int link; /* LINK, ADDR, ROUTE, POLICY: interface index */
	uint32_t table; /* ROUTE, RULE */
	uint32_t pref; /* RULE, POLICY; ROUTE: of the rule that leads there, if it matters */
	uint32_t metric; /* ROUTE: 0 for the kernel's choice */
	uint8_t type; /* ROUTE: RTN_UNICAST, RTN_THROW, RTN_UNREACHABLE */
	bool up; /* LINK */
	uint16_t mtu; /* LINK: 0 leaves it */
	struct prefix dst; /* ADDR: the address; ROUTE: destination; RULE: only the family counts */
	struct prefix src; /* ROUTE: preferred source, POLICY: source; family NONE for none */
	bool block; /* POLICY: what it does */
	uint32_t tag; /* POLICY: whose it is */
	uint32_t mark; /* POLICY: of the packet, 0 for any */
	uint8_t proto; /* POLICY: 0 for any, as the ports */
	uint16_t sport, dport; /* POLICY: ICMPv6's type is its source port */
};

enum step_op { STEP_ADD, STEP_DEL };

struct step {
	enum step_op op;
	struct item item;
	bool replaces; /* ADD puts it in the place of before */
	struct item before;
	int code; /* what the kernel said: 0 is done, -1 not tried */
};

bool item_same(const struct item *a, const struct item *b);
char *item_text(char *out, size_t size, const struct item *it);
struct nl_msg *step_message(const struct step *s);
/* All of them, in order, in few datagrams. When one fails, what was done is taken back, and the
 * error names the one that failed. */
bool steps_run(struct nl_sock *sk, struct step *v, size_t n, struct err *e) MUST_CHECK;
/* The same where all of them should have been there: what fails is told, and nothing taken back. */
bool steps_run_each(struct nl_sock *sk, struct step *v, size_t n, struct err *e) MUST_CHECK;
/* Takes back in reverse order what was done of the first n. */
void steps_undo(struct nl_sock *sk, struct step *v, size_t n);
/* What a message of the kernel says of a route; false: of none, or of none with our protocol. */
bool route_read(const struct nlmsghdr *m, struct item *out);
/* Removes the routes of a family that are in table and carry our protocol; adds to *removed. */
bool routes_flush(struct nl_sock *sk, uint8_t family, uint32_t table, size_t *removed,
	struct err *e) MUST_CHECK;

/* --- policy.c: XFRM policies that pass or block -------------------------------------------------- */

struct policies {
	size_t n;
	struct item *v;
};

struct nl_msg *policy_message(enum step_op op, const struct item *it);
/* Those with our tag. */
bool policies_list(
	struct nl_sock *xfrm, uint32_t tag, struct policies *out, struct err *e) MUST_CHECK;
void policies_free(struct policies *p);

/* --- plan.c: what a netconf means in the kernel's terms ------------------------------------------ */

struct plan {
	uint16_t mtu;
	bool up;
	size_t n_addrs;
	struct item addrs[NETCONF_ADDRS];
	size_t n_routes;
	struct item *routes; /* in the order of item destinations, each only once */
	uint32_t rule[2]; /* IPv4, IPv6: preference of the rule that leads to the table, 0: none */
	bool wall[2]; /* what knows no other way in the table goes nowhere: the interface may go */
};

enum ipv6_state { IPV6_WORKS, IPV6_NOT_ON_LINK, IPV6_ABSENT };

struct plan_input {
	const struct netconf *want;
	int link;
	uint32_t table;
	uint32_t pref; /* of rules for narrow networks, the first class */
	enum ipv6_state ipv6;
	const struct prefix *lan; /* networks on the link to leave alone */
	size_t n_lan;
	bool wall; /* for a kill switch, see killswitch.c */
};

bool plan_make(struct plan *p, const struct plan_input *in, struct err *e) MUST_CHECK;
void plan_free(struct plan *p);
/* How many routes of last resort there are besides. */
size_t plan_walls(const struct plan *p);
/* The steps from one plan to the other, to be freed. Additions come first, the rules last of them,
 * so that nothing flaps and no packet sees a half-filled table. */
bool plan_steps(const struct plan *from, const struct plan *to, const struct item *base,
	struct step **steps, size_t *n, struct err *e) MUST_CHECK;
/* Whether a route of it leads there through the tunnel. */
bool leads_inside(const struct netconf *want, const struct addr *to);
/* Whether a network on the link may stay reachable directly, seeing what goes into the tunnel. */
bool lan_left_alone(const struct netconf *want, const struct prefix *lan);

/* --- killswitch.c -------------------------------------------------------------------------------- */

struct killswitch_input {
	const struct netconf *want;
	const struct plan *plan;
	enum killswitch kill;
	bool pass; /* what goes into the tunnel passes kill switches, this one and others' */
	const struct prefix *lan;
	size_t n_lan;
};

struct own_addrs {
	size_t n;
	struct item *v; /* dst and link */
};

/* The machine's addresses; v to be freed, also after a failure. */
bool own_addrs(struct host *h, struct own_addrs *own, struct err *e) MUST_CHECK;
/* Whether an address is the tunnel's alone: what the machine has elsewhere as well must remain
 * reachable there. */
bool only_here(const struct own_addrs *own, const struct item *addr);
/* In the order of killswitch_steps; to be freed. */
bool killswitch_plan(struct host *h, const struct killswitch_input *in, struct policies *out,
	struct err *e) MUST_CHECK;
void killswitch_sort(struct policies *p);
/* The steps from one to the other that come before those of the routes, or after; to be freed. */
bool killswitch_steps(const struct policies *from, const struct policies *to, bool before_routes,
	struct step **steps, size_t *n, struct err *e) MUST_CHECK;
/* It outlives the tunnel: part of a strict kill switch. */
bool policy_lasts(const struct item *it);
/* Removes those with the tag, all or all but the lasting ones; *left are still there. */
bool policies_flush(struct nl_sock *xfrm, uint32_t tag, bool keep_lasting, size_t *removed,
	size_t *left, struct err *e) MUST_CHECK;

/* --- ingress.c ----------------------------------------------------------------------------------- */

/* Nothing but what comes from link and the machine itself reaches these addresses. *sk is opened where
 * it is NULL, and for the caller to free when there is time: the kernel takes some 10 ms to close a
 * socket that changed a table, until no processor can know the old one any more. */
bool ingress_set(struct nl_sock **sk, unsigned slot, int link, const struct item *addrs, size_t n,
	struct err *e) MUST_CHECK;
/* Whether that, which a message of nftables has, is the name of the table; NULL is not. */
bool ingress_is_ours(unsigned slot, const struct nlattr *table);
bool ingress_remove(struct nl_sock **sk, unsigned slot, struct err *e) MUST_CHECK;

/* --- await.c ------------------------------------------------------------------------------------- */

/* Keeps what comes in for this SPI until await_end; NULL: it cannot be done here, and is lost. */
struct await *await_begin(unsigned slot, uint32_t spi);
bool await_is(const struct await *x, uint32_t spi); /* false for NULL */
/* installed: what was kept goes on to the SA. NULL is nothing. */
void await_end(struct await *x, bool installed);
/* What an instance that did not end cleanly has left of it; *sk as with ingress_set. */
void await_clean(struct nl_sock **sk, unsigned slot);

/* --- lan.c -------------------------------------------------------------------------------------- */

struct lan {
	size_t n;
	struct prefix *v; /* NULL: not known */
};

/* Private networks that our own addresses put on the link, other than on our interface; v to be freed. What
 * host_foresee has found is taken. */
bool lan_networks(struct host *h, struct lan *out, struct err *e) MUST_CHECK;
void lan_forget(struct host *h);

/* --- journal.c: the run directory ---------------------------------------------------------------- */

enum { JOURNAL_LINE_MAX = 400, JOURNAL_LINES_MAX = 64 };

/* What is set up and not yet taken back, oldest first. */
struct journal_lines {
	size_t n;
	char v[JOURNAL_LINES_MAX][JOURNAL_LINE_MAX];
};

struct journal {
	int dir; /* the run directory, not owned */
	int fd;
	char name[INSTANCE_MAX + 1];
};

struct lock_info {
	pid_t pid;
	unsigned slot;
	struct addr gateway; /* family NONE: it has sent to none yet */
};

bool instance_name_ok(const char *name);
int run_dir_open(const char *path, struct err *e) MUST_CHECK;
/* Serializes opening, closing and cleaning between processes. -1 on failure; close it to unlock. */
int run_dir_lock(int dir, struct err *e) MUST_CHECK;
/* The instance's own lock, -1 with *live when somebody else has it (info says who). */
int instance_lock(
	int dir, const char *name, struct lock_info *info, bool *live, struct err *e) MUST_CHECK;
bool instance_lock_write(int fd, const struct lock_info *info, struct err *e) MUST_CHECK;
/* Whether another instance that is alive sends to this gateway. */
bool instances_share(int dir, const char *self, const struct addr *gateway);
/* The lowest slot that no other instance has, alive or not yet cleaned up. */
bool slot_find(int dir, const char *self, unsigned *slot, struct err *e) MUST_CHECK;
/* Names of the files that end in suffix, without it; to be freed. */
bool run_dir_list(int dir, const char *suffix, char (**names)[INSTANCE_MAX + 1], size_t *n,
	struct err *e) MUST_CHECK;
bool run_dir_has(int dir, const char *name, const char *suffix); /* or it cannot be known */
void run_dir_unlink(int dir, const char *name, const char *suffix);

bool journal_open(struct journal *j, int dir, const char *name, struct err *e) MUST_CHECK;
void journal_close(struct journal *j);
/* On disk before this returns. */
bool journal_add(struct journal *j, struct err *e, const char *fmt, ...) PRINTF(3, 4) MUST_CHECK;
void journal_undone(struct journal *j, const char *fmt, ...) PRINTF(2, 3);
bool journal_read(int dir, const char *name, struct journal_lines *out, struct err *e) MUST_CHECK;
bool line_word(const char **at, const char *word);
bool line_number(const char **at, unsigned long *out);
/* Another instance's journal holds this line, or one that begins so. */
bool journal_shared(int dir, const char *self, const char *line);
bool journal_shared_word(int dir, const char *self, const char *word);

/* --- xfrm*.c: ESP in the kernel ------------------------------------------------------------------ */

/* One policy: what of which direction an SA carries. The outer addresses are those of the packet on
 * the wire, from and to. */
struct sa_policy {
	uint8_t dir; /* XFRM_POLICY_IN, OUT, FWD */
	uint8_t proto; /* 0: all */
	struct prefix src, dst; /* inner */
	uint16_t src_port, src_mask, dst_port, dst_mask;
	uint32_t if_id; /* of the XFRM interface, 0: none */
	uint32_t priority; /* a smaller one wins */
	uint32_t reqid;
	enum sa_mode mode;
	struct addr from, to;
	bool block; /* nothing passes; reqid tells whose it is */
};

/* An SA that is installed, without its keys. */
struct xfrm_sa {
	enum sa_dir dir;
	enum sa_mode mode;
	uint32_t spi, reqid;
	struct addr local, remote;
	struct selectors local_ts, remote_ts;
	bool removed; /* by somebody else; the engine is to hear: */
	bool tell_expiring, tell_expired;
};

enum { XFRM_SAS = 512, XFRM_POLICIES_MAX = 1 << 16 };

/* Older ones run out by themselves, after half a minute (xfrm_acq_expires). */
enum { SPIS_RESERVED = 16 };

struct sad {
	struct nl_sock *sk, *monitor;
	uint32_t if_id; /* of the interface, 0: it is none of that kind, or there is none */
	bool directions; /* the kernel knows the direction of an SA */
	bool look; /* somebody else removed SAs, ours perhaps */
	struct await *await; /* NULL: no SA is expected */
	size_t n_reserved;
	struct sa_ref reserved[SPIS_RESERVED]; /* SPIs kept for us, the oldest first */
	size_t n_sas;
	struct xfrm_sa *sas[XFRM_SAS]; /* the newest first */
	size_t n_policies;
	struct sa_policy *policies; /* in the order of sa_policy_order */
};

struct xfrm_params { /* what an SA has besides its specification */
	uint32_t reqid, if_id;
	bool direction; /* say in which it is used */
	bool direction_probe; /* say one that there is not */
	bool reserved; /* it takes the place that sa_reserve_message kept */
};

/* xfrm_msg.c: NULL when memory runs out. */
struct nl_msg *sa_add_message(
	const struct sa_spec *spec, const struct xfrm_params *x, struct err *e);
/* ref's SPI and no other, or the kernel refuses. */
struct nl_msg *sa_reserve_message(const struct sa_ref *ref, const struct xfrm_params *x);
struct nl_msg *sa_ref_message(int type, const struct addr *to, uint32_t spi);
struct nl_msg *sa_policy_message(int type, const struct sa_policy *p);

/* xfrm_policy.c */
int sa_policy_order(
	const void *a, const void *b); /* by what the kernel tells two policies apart by */
bool sa_policy_same(const struct sa_policy *a, const struct sa_policy *b);
/* What n SAs, the newest first, need; to be freed. CONFIG-like limits are LOCAL errors. */
bool sa_policies_make(struct xfrm_sa *const *sas, size_t n, uint32_t if_id, struct sa_policy **out,
	size_t *n_out, struct err *e) MUST_CHECK;
/* Changes what is there into what is wanted, additions first; whole or not at all. Both lists are in
 * the order of sa_policy_order. */
bool sa_policies_change(struct nl_sock *sk, const struct sa_policy *from, size_t n_from,
	const struct sa_policy *to, size_t n_to, struct err *e) MUST_CHECK;
/* Adds to *v, of n, what keeps from the wire what went by the outbound policies of transport mode that there
 * were, from whatever address this machine has by now. */
bool sa_policies_block(const struct sa_policy *was, size_t n_was, struct sa_policy **v, size_t *n,
	struct err *e) MUST_CHECK;
/* Once more, where all of them should be there. */
bool sa_policies_again(
	struct nl_sock *sk, const struct sa_policy *v, size_t n, struct err *e) MUST_CHECK;

/* xfrm_probe.c */
/* A sentence for what the kernel said about an SA of these addresses' family: code is positive. */
bool sa_refused(struct err *e, int code, const char *said, const struct sa_spec *spec);
/* The line of modprobe's settings that keeps module from being loaded: "FILE", or NULL when none. */
bool module_blocked(const char *const *dirs, const char *module, char *where, size_t size);

/* xfrm_link.c */
bool xfrm_link_make(struct host *h, struct err *e) MUST_CHECK;
/* Whether the kernel has XFRM interfaces. */
bool xfrm_link_possible(struct nl_sock *sk);
void xfrm_link_remove(struct host *h);
bool xfrm_link_clean(
	struct nl_sock *sk, unsigned long group, bool *removed, struct err *e) MUST_CHECK;

/* xfrm.c */
bool xfrm_open(struct host *h, struct err *e) MUST_CHECK;
/* The SA that was installed last, NULL when there is none of the kind. */
const struct xfrm_sa *xfrm_newest(const struct host *h, enum sa_dir dir, enum sa_mode mode);
void xfrm_close(struct host *h); /* without the interface, which goes with the routes */
/* xfrm_clean.c: what carries reqids of the slot. */
bool xfrm_flush(unsigned slot, size_t *sas, size_t *policies, struct err *e) MUST_CHECK;
bool xfrm_count_policies(struct nl_sock *sk, unsigned slot, size_t *n, struct err *e) MUST_CHECK;

/* --- sysctl.c ------------------------------------------------------------------------------------ */

bool sysctl_read(const char *path, char *out, size_t size);
bool sysctl_write(const char *path, const char *value, struct err *e) MUST_CHECK;

/* --- dns*.c -------------------------------------------------------------------------------------- */

struct dns_want {
	bool all; /* all names, not only the domains */
	uint32_t n_servers, n_domains;
	struct addr servers[NETCONF_DNS];
	char domains[NETCONF_DOMAINS][DOMAIN_TEXT_MAX];
};

enum dns_via { DNS_NONE, DNS_RESOLVED, DNS_RESOLVCONF, DNS_FILE };

bool resolved_here(const char *resolv_conf);
/* Its list of the servers on the networks; NULL: it does not manage names here. */
const char *resolved_uplinks(void);
bool resolved_set(int link, const struct dns_want *want, struct err *e) MUST_CHECK;
bool resolved_revert(int link, struct err *e) MUST_CHECK;

const char *resolvconf_program(void);
bool resolvconf_set(const char *program, const char *record, const struct dns_want *want,
	struct err *e) MUST_CHECK;
bool resolvconf_unset(const char *program, const char *record, struct err *e) MUST_CHECK;

/* The text of a resolv.conf: our servers, the search list and the options of the one before. */
size_t resolv_text(char *out, size_t size, const struct dns_want *want, const char *instance,
	const char *before, size_t before_len);
/* Puts the instance's servers into path. What was there is kept in dir. */
bool resolv_file_set(int dir, const char *path, const char *instance, const struct dns_want *want,
	struct err *e) MUST_CHECK;
/* What was there before an instance that the machine's power took, and its run directory with it, is put
 * back. Not while there is any instance. */
bool resolv_file_recover(int dir, const char *path, bool *recovered, struct err *e) MUST_CHECK;
/* The folder that path is in; false where it names none. */
bool folder_of(char out[PATH_MAX], const char *path);
/* Who wrote it: the instance, another one (which has its servers there, not ours), or neither. */
enum resolv_whose { RESOLV_OURS, RESOLV_ANOTHERS, RESOLV_SOMEBODYS };
bool resolv_file_whose(int dir, const char *path, const char *instance, enum resolv_whose *whose,
	struct err *e) MUST_CHECK;
/* Takes them out again. *kept: somebody else has rewritten the file, so it was left as it is. */
bool resolv_file_unset(
	int dir, const char *path, const char *instance, bool *kept, struct err *e) MUST_CHECK;

/* --- the instance -------------------------------------------------------------------------------- */

/* The way to the gateway outside the tunnel, as far as a change of it matters. */
struct way {
	bool found, up, running;
	bool inside; /* a route leads there through the tunnel that it is to carry: not found */
	int link;
	uint32_t mtu;
	struct addr local, next_hop;
};

/* How often something was done. */
struct lately {
	int64_t since; /* ms */
	unsigned n; /* since then */
};

struct dns_watch {
	int inotify; /* 0: none */
	struct lately lately; /* resolv.conf was written again */
	uint64_t again_at; /* ... and is left to others until then, ms; 0: it is not */
};

struct mending {
	struct lately lately, lately_policies, lately_filter; /* what others removed was put back */
	bool told, told_of_fight, told_of_policies, told_of_filter;
	bool policies, filter; /* something of these may be missing */
};

struct host {
	char name[INSTANCE_MAX + 1];
	unsigned slot;
	int dir, lock;
	struct journal journal;
	struct nl_sock *sk, *monitor;
	int events, timer; /* the monitor and the timer as one descriptor; to look again */
	struct nl_sock *xfrm, *netfilter; /* NULL until they are needed */
	struct nl_sock *policy_news, *filter_news; /* what happens to these tables; the same */
	struct outbox warnings;

	char tun[16];
	char called[16]; /* as the profile wants it, "": of our choice */
	int link; /* of the TUN, or what is in its place, 0: none */
	bool link_stays; /* it does not go with a descriptor, and is in the journal */
	bool link_gone; /* somebody removed it or took it down */
	int64_t down_since; /* somebody did, ms, 0: not; it may come up again at once */
	struct plan plan;
	enum ipv6_state ipv6; /* that it was made for */
	size_t told_lost, told_won; /* networks that another tunnel carries as well */
	struct mending mending;
	struct netconf *want; /* the last that was set up */
	struct policies policies;
	enum killswitch kill; /* that is up */
	bool inherited; /* from one of this name that did not end cleanly */
	size_t n_ingress; /* addresses that only the tunnel leads to */
	struct item ingress[NETCONF_ADDRS];
	bool warned_ingress;
	char rp_path[128]; /* the sysctl changed for the way in, "" for none */
	char rp_before[16];

	struct lan lan; /* foreseen */

	enum dns_via dns_via;
	bool dns_covered; /* resolv.conf names another tunnel's servers meanwhile */
	struct dns_want dns;
	struct dns_watch dns_watch;

	struct sad *sad; /* NULL: ESP in the kernel is not in use */
	struct no_esp {
		enum family family;
		int code;
		struct err why;
	} no_esp; /* what the last host_esp_probe found */

	struct addr watched;
	struct way way; /* there, when it was looked at last */
	struct addr asked; /* by host_path, the last time that there was a way */
	struct way answer;
};

PRINTF(2, 3) void host_warn(struct host *h, const char *fmt, ...);
/* The state of w->link, which is 0 afterwards where there is no such interface. */
bool link_look(struct nl_sock *sk, struct way *w, struct err *e) MUST_CHECK;
bool way_find(struct host *h, const struct addr *remote, struct way *out, struct err *e) MUST_CHECK;
bool way_inside(struct err *e, const struct host *h, const struct addr *remote);

bool watch_open(struct host *h, struct err *e) MUST_CHECK;
void watch_close(struct host *h);
/* There is an event to look at after that time. */
void watch_again(struct host *h, unsigned ms);
bool watch_add(struct host *h, int fd);
/* Counts what is done now, 0; or, where it was done `most` times within ms, how long that is still so. */
unsigned too_often(struct lately *l, unsigned most, unsigned ms);
/* mend.c: puts back what others removed of what is set up. */
void host_mend(struct host *h);
/* guards.c: the same for IPsec policies and the packet filter. */
void guards_mend(struct host *h);
void guards_watch(struct host *h); /* what there is of them from now on */
/* At most that often a second. False: not now, and the timer is set for when. */
bool may_mend(struct host *h, struct lately *lately, unsigned most);
bool route_is_ours(const struct host *h, const struct nlmsghdr *m);
bool rule_is_ours(const struct host *h, const struct nlmsghdr *m);

/* The next name to try for the inner interface, attempts counting from 0. False: there are no more. */
bool link_name(const struct host *h, unsigned attempt, char name[16], struct err *e) MUST_CHECK;
/* What the inner interface is called now: somebody may have renamed it. */
const char *link_name_now(const struct host *h, char name[16]);
/* Neither IPv6 addresses of the kernel's own making nor what somebody announces (tun.c). */
void link_quiet_ipv6(const char *name);
unsigned tun_probe(void); /* TUN_*, as in struct host_kernel */

/* rpfilter.c */
bool rp_filter_adapt(struct host *h, const struct netconf *want, struct err *e) MUST_CHECK;
void rp_filter_restore(struct host *h);
bool rp_filter_undo(
	int dir, const char *self, const char *line, bool *changed, struct err *e) MUST_CHECK;

/* dns.c */
void dns_apply(struct host *h, const struct netconf *want);
void dns_undo(struct host *h);

/* dnswatch.c: resolv.conf that others write, too */
void dns_watch_begin(struct host *h); /* from what is there now on */
void dns_watch_end(struct host *h);
/* Something may have happened to it: it is looked at a little later, when it is whole. */
void dns_watch_news(struct host *h);
/* Writes it again where somebody else has written it. */
void dns_watch_look(struct host *h);
void dns_again(struct host *h); /* dns.c: sets the name servers once more */

/* rivals.c: warns of networks that another tunnel carries, too. */
void rivals_warn(struct host *h);

/* netconf.c */
bool netconf_apply(struct host *h, const struct netconf *want, struct err *e) MUST_CHECK;
/* Sets up once more all of plan, which is what is set up or a part of it, but for the rules that are
 * there. */
bool netconf_again(
	struct host *h, const struct plan *plan, const uint32_t rule[2], struct err *e) MUST_CHECK;
enum ipv6_state ipv6_state(const struct host *h, uint16_t mtu);

/* clean.c: run with the directory's lock held. */
struct cleaning {
	int dir;
	struct nl_sock *sk;
	struct outbox *events; /* may be NULL */
	bool keep_strict; /* leave strict kill switches up */
	size_t removed;
};

/* *kept: a strict kill switch, and the journal that tells of it. */
bool clean_instance(struct cleaning *c, const char *name, bool *kept, struct err *e) MUST_CHECK;
bool clean_dead(struct cleaning *c, struct err *e) MUST_CHECK;
/* What no journal tells of any more, after the machine's power was lost. */
bool clean_forgotten(struct cleaning *c, struct err *e) MUST_CHECK;
unsigned long netns_id(void);

#define RESOLV_CONF "/etc/resolv.conf"
#define RESOLV_SAVED \
	".resolv.conf" /* in the run directory: a line of our own, and the file of before */
#define RESOLV_SUFFIX ".before-vpnc-ike" /* of the copy beside it */

#endif
