"""What report.py makes of figures."""
import contextlib
import io
import os
import shutil
import tempfile
import unittest
import xml.etree.ElementTree

import report


class Report(unittest.TestCase):
    def test_median_of_all_rounds(self):
        f = report.read_figures(["a.b 3 1", "a.b 8", "c 2", "empty"])
        self.assertEqual(f["a.b"], {"median": 3, "least": 1, "most": 8, "rounds": 3})
        self.assertEqual(set(f), {"a.b", "c"})

    def test_json_of_others(self):
        f = report.flatten("data", {"tcp": {"gbit": [4.5, 5]}, "cipher": "aes", "ok": True})
        self.assertEqual({n: v["median"] for n, v in f.items()},
                         {"data.tcp.gbit.0": 4.5, "data.tcp.gbit.1": 5})

    def test_exponent(self):
        self.assertAlmostEqual(report.exponent([(1, 9), (10, 5), (100, 500)]), 2)
        self.assertAlmostEqual(report.exponent([(10, 5), (100, 5)]), 0)
        self.assertIsNone(report.exponent([(0, 1), (10, 5)]))

    def test_differences(self):
        old = report.read_figures(["same 10", "more 10", "less 10", "tiny 0.1", "gone 1"])
        new = report.read_figures(["same 10.5", "more 12", "less 5", "tiny 0.3", "new 1"])
        self.assertEqual([(r[0], round(r[3], 2)) for r in report.differences(new, old)],
                         [("less", -0.5), ("more", 0.2)])

    def test_other_parts_stay(self):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        for lines in (["growth.routes.1.ms 1", "growth.routes.100.ms 2", "connect.a 3"],
                      ["connect.b 4"]):
            figures = os.path.join(folder, "figures")
            with open(figures, "w", encoding="ascii") as f:
                f.write("\n".join(lines))
            with contextlib.redirect_stdout(io.StringIO()):
                report.main(folder, figures)
        known = report.read_json(os.path.join(folder, "results.json"))["figures"]
        self.assertEqual(set(known), {"growth.routes.1.ms", "growth.routes.100.ms", "connect.b"})
        self.assertTrue(all(f["when"] for f in known.values()))
        with open(os.path.join(folder, "growth.svg"), encoding="utf-8") as f:
            self.assertIn("routes", f.read())

    def test_rival_of_a_row(self):
        f = report.read_figures(["vm.connect.l2tp.0ms.kernel.ms 3 2 1", "vm.connect.l2tp.0ms.xl2tpd.ms 4",
                                 "vm.connect.cert.charon-cmd.ms 5"])
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            report.vm_table(f)
        rows = [line.split() for line in out.getvalue().splitlines()[3:]]
        self.assertEqual([r[-3:] for r in rows], [["-", "-", "5"], ["2", "-", "4"]])

    def test_drawing(self):
        f = report.read_figures(["growth.routes.1.ms 0.5", "growth.routes.100.ms 3",
                                 "growth.routes.1.kib 0", "growth.log.10.ms 1"])
        root = xml.etree.ElementTree.fromstring(report.svg(f))
        lines = [e for e in root if e.tag.endswith("polyline")]
        self.assertEqual(len(lines), 3)
        for dot in (e for e in root if e.tag.endswith("circle")):
            self.assertTrue(0 <= float(dot.get("cx")) <= 820 and 0 <= float(dot.get("cy")) <= 190)


if __name__ == "__main__":
    unittest.main()
