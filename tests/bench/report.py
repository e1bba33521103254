"""report.py FOLDER FIGURES [JSON...]: the results of a run of `make bench`.

FIGURES has a line for each figure: its name, words joined by dots, then a value of each round. The
numbers in the JSON files (of programs that measure by themselves) come in under the name of the file.
Writes FOLDER/results.json (the one before stays as results.previous.json), where parts that were not
measured this time keep their last figures, with the time of each; draws FOLDER/growth.svg; and prints the
tables of this run.
"""
import json
import math
import os
import platform
import statistics
import sys
import time

MARKED = 0.10  # a difference from the last run that is worth a line
ABOVE = 1.0  # ... of figures that are not next to nothing
COLORS = ("#1f5f99", "#c1502e", "#3d7d3d", "#7a4a99")


def read_figures(lines):
    """{name: {"median", "least", "most", "rounds"}}; a name that comes again adds rounds."""
    values = {}
    for line in lines:
        name, *numbers = line.split()
        values.setdefault(name, []).extend(float(n) for n in numbers)
    return {name: summary(v) for name, v in values.items() if v}


def summary(values):
    return {"median": statistics.median(values), "least": min(values), "most": max(values),
            "rounds": len(values)}


def flatten(prefix, value):
    """The numbers in what JSON can hold, named by the way to them."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return {}
    if isinstance(value, (int, float)):
        return {prefix: summary([value])}
    items = value.items() if isinstance(value, dict) else enumerate(value)
    out = {}
    for key, inner in items:
        out.update(flatten(f"{prefix}.{key}", inner))
    return out


def machine():
    model = platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as f:
            model = next(l.split(":", 1)[1].strip() for l in f if l.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{os.cpu_count()} processors ({model}), Linux {platform.release()}"


def get(figures, name):
    return figures[name]["median"] if name in figures else None


def show(value, digits=1):
    return "-" if value is None else f"{value:.{digits}f}"


def ratio(a, b):
    return None if not a or not b else a / b


def table(title, head, rows):
    rows = [[str(c) for c in row] for row in rows]
    if not rows:
        return
    widths = [max(len(r[i]) for r in [head] + rows) for i in range(len(head))]
    print(f"\n{title}")
    for row in [head] + rows:
        cells = [row[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(row[1:], widths[1:])]
        print("  " + "  ".join(cells).rstrip())


def connect_table(figures):
    rows = []
    for method in ("psk", "cert", "ecdsa", "eap", "xauth"):
        for wire in (0, 20, 100):
            ms = {who: get(figures, f"connect.{method}.{wire}ms.{who}.ms")
                  for who in ("ours", "charon-cmd-shipped", "charon-cmd", "charon")}
            if ms["ours"] is None:
                continue
            cpu = [show(get(figures, f"connect.{method}.{wire}ms.{w}.cpu_ms")) for w in ms]
            trips = [show(get(figures, f"connect.{method}.{w}.trips"), 0) for w in ms]
            rows.append([f"{method}, {wire} ms", *(show(v) for v in ms.values()),
                         show(ratio(ms["ours"], ms["charon-cmd-shipped"] or ms["charon"]), 2),
                         show(ratio(ms["ours"], ms["charon-cmd"] or ms["charon"]), 2),
                         "/".join(cpu), "/".join(trips)])
    table("Connect: milliseconds from exec to the first reply through the tunnel",
          ["", "ours", "charon-cmd", "... lean", "charon", "ratio", "... lean", "CPU",
           "round trips"], rows)


def vm_table(figures):
    """Both data planes in a kernel that has ESP, and who else is there."""
    rows = []
    for what, key, rival, unit, digits in (
            ("connect, psk, ms", "connect.psk", "charon-cmd", "ms", 0),
            ("connect, cert, ms", "connect.cert", "charon-cmd", "ms", 0),
            ("connect, eap, ms", "connect.eap", "charon-cmd", "ms", 0),
            ("connect, l2tp, ms (charon, xl2tpd)", "connect.l2tp.0ms", "xl2tpd", "ms", 0),
            ("... at 20 ms of round trip", "connect.l2tp.20ms", "xl2tpd", "ms", 0),
            ("... at 100 ms", "connect.l2tp.100ms", "xl2tpd", "ms", 0),
            ("TCP out, Mbit/s", "tcp.out", "charon-cmd", "mbit", 1),
            ("TCP in, Mbit/s", "tcp.in", "charon-cmd", "mbit", 1)):
        values = [get(figures, f"vm.{key}.{w}.{unit}") for w in ("kernel", "userspace", rival)]
        if any(v is not None for v in values):
            rows.append([what, *(show(v, digits) for v in values)])
    table("In the virtual machine, which is slow: to be compared with each other",
          ["", "kernel", "userspace", "charon-cmd"], rows)


def footprint_table(figures):
    whos = [w for w in ("ours-psk", "ours-cert", "charon-cmd", "charon-cmd-shipped")
            if f"footprint.{w}.rss_kib" in figures]
    keys = ("rss_kib", "pss_kib", "threads", "wakeups", "datagrams")
    table("Footprint: connected and idle",
          ["", "RSS KiB", "PSS KiB", "threads", "wake-ups", "datagrams"],
          [[w, *(show(get(figures, f"footprint.{w}.{k}"), 0) for k in keys)] for w in whos])


def fleet_table(figures):
    policies = sorted({n.split(".")[1] for n in figures if n.startswith("fleet.")})
    keys = (("half_s", 1), ("most_s", 1), ("all_s", 1), ("peak_per_s", 0), ("half_open", 0),
            ("lost", 0), ("inits_each", 2), ("work_s", 1))
    table("Fleet: seconds after the gateway's return, and its load",
          ["", "half up", "99 %", "all", "peak/s", "half-open", "lost", "INITs each", "CPU s"],
          [[p, *(show(get(figures, f"fleet.{p}.{k}"), d) for k, d in keys)] for p in policies])


def curves(figures):
    """{what: {unit: [(n, value)]}} of the figures growth.WHAT.N.UNIT"""
    out = {}
    for name, f in figures.items():
        words = name.split(".")
        if words[0] == "growth" and len(words) == 4:
            points = out.setdefault(words[1], {}).setdefault(words[3], [])
            points.append((float(words[2]), f["median"]))
    for units in out.values():
        for points in units.values():
            points.sort()
    return out


def exponent(points):
    """How it grows between the last two points: 1 is in proportion. None: there is nothing to see."""
    points = [p for p in points if p[0] > 0 and p[1] > 0][-2:]
    if len(points) < 2 or points[0][0] == points[1][0]:
        return None
    (a, x), (b, y) = points
    return math.log(y / x) / math.log(b / a)


def growth_table(figures):
    rows = []
    for what, units in sorted(curves(figures).items()):
        for unit, points in sorted(units.items()):
            rows.append([what, unit, "  ".join(f"{n:g}: {v:.4g}" for n, v in points),
                         show(exponent(points), 2)])
    table("Growth: what so many cost, and the exponent at the end (1: in proportion)",
          ["", "of", "", "exponent"], rows)


def panel(x, y, what, units):
    """One diagram with logarithmic axes, 260 by 180."""
    points = [p for ps in units.values() for p in ps if p[0] > 0 and p[1] > 0]
    if not points:
        return []
    low = [math.floor(math.log10(min(p[i] for p in points))) for i in (0, 1)]
    high = [max(math.ceil(math.log10(max(p[i] for p in points))), low[i] + 1) for i in (0, 1)]

    def place(p):
        part = [(math.log10(p[i]) - low[i]) / (high[i] - low[i]) for i in (0, 1)]
        return x + 45 + 200 * part[0], y + 150 - 120 * part[1]

    out = [f'<text x="{x + 45}" y="{y + 16}" font-weight="bold">{what}</text>',
           f'<rect x="{x + 45}" y="{y + 30}" width="200" height="120" fill="none" stroke="#999"/>']
    for d in range(low[0], high[0] + 1):
        px = place((10 ** d, 10 ** low[1]))[0]
        out.append(f'<text x="{px:.0f}" y="{y + 165}" text-anchor="middle">{10 ** d:g}</text>')
    for d in range(low[1], high[1] + 1):
        py = place((10 ** low[0], 10 ** d))[1]
        out.append(f'<text x="{x + 40}" y="{py + 4:.0f}" text-anchor="end">{10 ** d:g}</text>')
    for i, (unit, ps) in enumerate(sorted(units.items())):
        color = COLORS[i % len(COLORS)]
        places = [place(p) for p in ps if p[0] > 0 and p[1] > 0]
        line = " ".join(f"{px:.1f},{py:.1f}" for px, py in places)
        out.append(f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="2"/>')
        out += [f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3" fill="{color}"/>' for px, py in places]
        out.append(f'<text x="{x + 50}" y="{y + 44 + 13 * i}" fill="{color}">{unit}</text>')
    return out


def svg(figures):
    out = []
    whats = sorted(curves(figures).items())
    for i, (what, units) in enumerate(whats):
        out += panel(270 * (i % 3), 190 * (i // 3), what, units)
    height = 190 * ((len(whats) + 2) // 3)
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" width="820" height="{height}" '
                      'font-family="sans-serif" font-size="11">',
                      '<rect width="100%" height="100%" fill="white"/>', *out, "</svg>", ""])


def differences(new, old):
    """[name, before, now, change] of what differs by more than MARKED, the largest first."""
    rows = []
    for name in new.keys() & old.keys():
        a, b = old[name]["median"], new[name]["median"]
        if a and max(abs(a), abs(b)) >= ABOVE and abs(b / a - 1) > MARKED:
            rows.append((name, a, b, b / a - 1))
    return sorted(rows, key=lambda r: -abs(r[3]))


def part_of(name):
    return name.split(".", 1)[0]


def merged(new, old):
    """What was measured now, and of parts that were not what was known."""
    parts = {part_of(name) for name in new}
    return {**{n: f for n, f in old.items() if part_of(n) not in parts}, **new}


def read_json(path):
    try:
        with open(path, encoding="utf-8") as f:
            return json.load(f)
    except (OSError, ValueError):
        return None


def main(folder, figures_file, *json_files):
    with open(figures_file, encoding="ascii") as f:
        figures = read_figures(f)
    for path in json_files:
        name = os.path.splitext(os.path.basename(path))[0]
        figures.update(flatten(name, read_json(path) or {}))
    results = os.path.join(folder, "results.json")
    last = read_json(results)
    if last:
        os.replace(results, os.path.join(folder, "results.previous.json"))
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    for figure in figures.values():
        figure["when"] = when
    known = merged(figures, last["figures"] if last else {})
    new = {"when": when, "machine": machine(), "figures": known}
    with open(results, "w", encoding="utf-8") as f:
        json.dump(new, f, indent=1, sort_keys=True)
    with open(os.path.join(folder, "growth.svg"), "w", encoding="utf-8") as f:
        f.write(svg(known))
    print(f"On {new['machine']}:")
    for print_table in (connect_table, vm_table, footprint_table, growth_table, fleet_table):
        print_table(figures)
    if last:
        table("Other than the last time", ["", "before", "now", "change"],
              [[n, show(a, 2), show(b, 2), f"{c:+.0%}"]
               for n, a, b, c in differences(figures, last["figures"])[:30]])
    print(f"\nAll of it: {results}, drawn: {os.path.join(folder, 'growth.svg')}")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
