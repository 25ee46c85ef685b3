"""The comparison as one HTML file, whole in itself: tables, pictures, players, a blind test."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from ripieno_models import waiting
from ripieno_models.harness import spread
from ripieno_models.harness.clips import clip, draw
from ripieno_models.harness.compare import Results
from ripieno_models.harness.kit import Music, kit_of

SCRIPT = Path(__file__).with_name("listening.js")
FORMS = 3
"""Clips of each model."""
COMMONEST = 12
"""Chord classes that are drawn."""

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Ripieno: models compared</title><style>
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem }}
table {{ border-collapse: collapse; display: block; overflow-x: auto }}
th, td {{ border-bottom: 1px solid #ccc; padding: .2rem .6rem; text-align: left }}
td small {{ color: #666 }} .shown {{ background: #fbd5d5 }} svg, img {{ max-width: 100% }}
audio {{ width: 16rem; vertical-align: middle }} #told {{ white-space: pre-line }}
button {{ font: inherit; margin: .3rem }}
</style></head><body>
<h1>Models compared</h1>
<p>{about}</p>
<h2>Figures</h2>{figures}
<h2>Spreads</h2>
<p>How far each spread lies from the held-out pieces: divergence in nats, and the shared area.</p>
{spreads}{pictures}
<h2>Failures</h2>
<p>Share of a model's pieces that show each; red where it is more than chance.</p>{failures}
<h2>Which do you like better?</h2>
<p>Two clips of the same length, metre and key by two of these. Their names are kept from you.</p>
<p>1 <audio id="left" controls></audio> 2 <audio id="right" controls></audio></p>
<p><button class="vote" id="vote-left">The first</button>
<button class="vote" id="vote-right">The second</button>
<button class="vote" id="vote-even">Neither</button> <span id="left-over"></span></p>
<p><button id="tell">Tell me the result</button> <button id="save">Save the votes</button></p>
<p id="told"></p>
<details><summary>All clips and piano rolls, with their names</summary>{music}</details>
<script>{script}
start({clips}, localStorage, document);
</script></body></html>
"""

Row = Mapping[str, Any]


def write(results: Results, written: Mapping[str, Sequence[Music]], path: Path) -> None:
    """Write the page of `results` to `path`, with clips of what was `written`."""
    clips = [
        {"model": name, "form": form, "src": clip(piece)}
        for name, pieces in written.items()
        for form, piece in enumerate(waiting.each(pieces[:FORMS], f"Clips: {name}", "clip"))
    ]
    rows: Sequence[Row] = results["rows"]
    text = PAGE.format(
        about=escape(
            f"{results['pieces']} {results['split']} pieces of {results['corpus']}, and as many by"
            f" each model in the same forms, at temperature 1 and without the engine's rules; seed"
            f" {results['seed']}. Intervals are 95 % of bootstrap draws over pieces."
        ),
        figures=figures(results),
        spreads=spreads(rows),
        pictures=pictures(written),
        failures=failures(rows),
        music=music(written, clips),
        script=SCRIPT.read_text(encoding="utf-8"),
        # What closes a script inside a script would end it.
        clips=json.dumps(clips).replace("</", "<\\/"),
    )
    path.write_text(text, encoding="utf-8")


def figures(results: Results) -> str:
    """The table of likelihoods, costs and counts."""
    rows: Sequence[Row] = results["rows"]
    lines = [
        (f"nats per {results['unit']}", [estimate(row.get("nll")) for row in rows]),
        ("perplexity", [number(row.get("perplexity")) for row in rows]),
        ("parameters", [count(row.get("parameters")) for row in rows]),
        ("bytes of the graph", [count(row.get("bytes")) for row in rows]),
        ("milliseconds per decision", [number(row.get("milliseconds")) for row in rows]),
    ]
    for key, label in results["measures"].items():
        lines.append((label, [estimate(row["measures"][key]) for row in rows]))
    return table([row["name"] for row in rows], lines)


def spreads(rows: Sequence[Row]) -> str:
    """The table of divergences and overlaps."""
    lines = [
        (f"{kind}: {what}", [estimate(row["spreads"][kind][what]) for row in rows])
        for kind in rows[0]["spreads"]
        for what in ("divergence", "overlap")
    ]
    return table([row["name"] for row in rows], lines)


def failures(rows: Sequence[Row]) -> str:
    """The table of failures."""
    heads = "".join(f"<th>{escape(row['name'])}</th>" for row in rows)
    lines = [f"<table><tr><th></th>{heads}</tr>"]
    for place, first in enumerate(rows[0]["failures"]):
        cells = "".join(failed(row["failures"][place]) for row in rows)
        title = escape(first["sentence"], quote=True)
        lines.append(f'<tr><th title="{title}">{escape(first["name"])}</th>{cells}</tr>')
    return "".join(lines) + "</table>"


def failed(failure: Row) -> str:
    mark = ' class="shown"' if failure["shown"] else ""
    return f"<td{mark}>{failure['share']:.0%}</td>"


def table(names: Sequence[str], lines: Sequence[tuple[str, Sequence[str]]]) -> str:
    """A table whose cells are HTML already."""
    heads = "".join(f"<th>{escape(name)}</th>" for name in names)
    rows = "".join(
        f"<tr><th>{escape(label)}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
        for label, cells in lines
    )
    return f"<table><tr><th></th>{heads}</tr>{rows}</table>"


def estimate(told: Row | None) -> str:
    if told is None:
        return "–"
    return f"{told['value']:.3g} <small>{told['low']:.3g}–{told['high']:.3g}</small>"


def number(told: float | None) -> str:
    return "–" if told is None else f"{told:.3g}"


def count(told: int | None) -> str:
    return "–" if told is None else f"{told:,}"


def pictures(written: Mapping[str, Sequence[Music]]) -> str:
    """The four spreads, drawn one above the other."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot

    kit = kit_of(next(iter(written.values())))
    figure, places = pyplot.subplots(len(kit.kinds), figsize=(9, 11), layout="constrained")
    for axes, (kind, counter) in zip(places, kit.kinds.items(), strict=True):
        counted = {
            name: spread.summed([counter(piece) for piece in pieces])
            for name, pieces in written.items()
        }
        first = next(iter(counted.values()))
        if kind == "chords":
            keys: list[Any] = [key for key, _ in first.most_common(COMMONEST)]
            labels = ["-".join(map(str, sorted(key))) for key in keys]
            axes.set_xticks(range(len(keys)), labels, fontsize=7)
        else:
            keys = sorted({key for some in counted.values() for key in some}, key=lambda k: k)
            labels = []
        places_of = list(range(len(keys))) if labels else keys
        for name, some in counted.items():
            whole = max(1, some.total())
            shares = [some[key] / whole for key in keys]
            axes.plot(places_of, shares, label=name, linewidth=1.2, marker=".", markersize=3)
        axes.set_title(f"{kind} ({kit.units[kind]})", loc="left", fontsize=10)
    places[0].legend(fontsize=7)
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None})
    pyplot.close(figure)
    return bare(drawn.getvalue())


def bare(svg: str) -> str:
    """An SVG without what stands before its first tag."""
    return svg[svg.index("<svg") :]


def music(written: Mapping[str, Sequence[Music]], clips: Sequence[Mapping[str, Any]]) -> str:
    """Piano rolls and players of each model."""
    import tempfile

    parts = []
    for name, pieces in written.items():
        with tempfile.TemporaryDirectory() as place:
            drawn = Path(place, "rolls.svg")
            draw(pieces[:FORMS], drawn)
            rolls = bare(drawn.read_text(encoding="utf-8"))
        players = "".join(
            f'<audio controls src="{clip["src"]}"></audio>' for clip in clips
            if clip["model"] == name
        )  # fmt: skip
        parts.append(f"<h3>{escape(name)}</h3><p>{players}</p>{rolls}")
    return "".join(parts)
