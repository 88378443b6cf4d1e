"""A run on one page that stands alone: no file beside it, no request to anywhere."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, Literal

from matplotlib.figure import Figure

from neurarium.plots import style
from neurarium.plots.curves import training_curves

Row = Mapping[str, Any]

STYLE = """
:root{color-scheme:light dark;--ink:#1c2430;--soft:#5b6675;--line:#dfe4ea;--paper:#fff;--card:#f6f8fa;--mark:#0b63b0}
@media(prefers-color-scheme:dark){:root{--ink:#e8ecf1;--soft:#9aa7b6;--line:#333d49;--paper:#14191f;--card:#1d242c;
--mark:#6db3f2}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:62rem;margin:0 auto;padding:2rem 1rem 4rem}h1{font-size:1.5rem;margin:0 0 .3rem}
h2{font-size:1.1rem;margin:2.4rem 0 .8rem;border-bottom:1px solid var(--line);padding-bottom:.3rem}
.score{display:flex;flex-wrap:wrap;gap:.8rem;margin:1.4rem 0}.score div{background:var(--card);border-radius:.6rem;
padding:.7rem 1.1rem}.score b{display:block;font-size:1.6rem;color:var(--mark);font-variant-numeric:tabular-nums}
.score span,dt,caption{color:var(--soft);font-size:.85rem}figure{margin:0;background:#fff;border:1px solid var(--line);
border-radius:.6rem;padding:.6rem;overflow-x:auto}figure img{max-width:100%;height:auto;display:block;margin:auto}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:1rem}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:.88rem;font-variant-numeric:tabular-nums}
th,td{text-align:right;padding:.25rem .8rem .25rem 0;border-bottom:1px solid var(--line);white-space:nowrap}
th{color:var(--soft);font-weight:500}th:nth-child(2),td:nth-child(2){text-align:left}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1.2rem;margin:0;font-size:.9rem}dd{margin:0;
overflow-wrap:anywhere}pre{background:var(--card);padding:.8rem 1rem;border-radius:.6rem;overflow-x:auto;
font-size:.85rem}
"""


def write_report(
    path: Path,
    *,
    title: str,
    facts: Mapping[str, str],
    rows: Sequence[Row],
    figures: Mapping[str, Figure],
    settings: Mapping[str, Any],
    environment: Mapping[str, Any],
    commands: Sequence[str],
    measure: str,
    best: Literal["min", "max"],
) -> None:
    """Write the page to `path`.

    facts: what heads the page, name by name. rows: all rows of the run's metrics; the last of split "test" is the
    headline. measure: the run's goal, drawn with a mark at its `best` value beside the loss. commands: what to do next.
    """
    curves = {
        name: training_curves(rows, measure=name, best=kind) for name, kind in _curves(rows, measure, best).items()
    }
    parts = [
        f"<h1>{escape(title)}</h1>",
        _headline(rows),
        _pairs(facts),
        "<h2>Curves</h2>",
        _figures(curves),
        "<h2>What it does</h2>" if figures else "",
        _figures(figures),
        "<h2>Evaluations</h2>",
        _table([row for row in rows if row["split"] != "train"]),
        "<h2>Next</h2><pre>" + escape("\n".join(commands)) + "</pre>",
        "<h2>Settings</h2>",
        _pairs(settings),
        "<h2>Environment</h2>",
        _pairs(environment),
    ]
    head = f"<title>{escape(title)}</title><meta name=viewport content='width=device-width,initial-scale=1'>"
    page = f"<!doctype html><html lang=en><meta charset=utf-8>{head}<style>{STYLE}</style>"
    path.write_text(f"{page}<main>{''.join(parts)}</main></html>\n", encoding="utf-8")


def _curves(rows: Sequence[Row], measure: str, best: Literal["min", "max"]) -> dict[str, Literal["min", "max"]]:
    """The losses, and the goal."""
    losses: list[str] = [name for name in dict.fromkeys(n for row in rows for n in row) if name.endswith("loss")]
    found: dict[str, Literal["min", "max"]] = dict.fromkeys(losses, "min")
    return {**found, measure: best}


def _headline(rows: Sequence[Row]) -> str:
    last = next((row for row in reversed(rows) if row["split"] == "test"), None)
    if last is None:
        return "<p>Not finished: there is no test score yet.</p>"
    cards = "".join(
        f"<div><b>{escape(_cell(value))}</b><span>test {escape(name.replace('_', ' '))}</span></div>"
        for name, value in last.items()
        if name not in ("step", "split")
    )
    return f"<div class=score>{cards}</div>"


def _figures(figures: Mapping[str, Figure]) -> str:
    return "<div class=figures>" + "".join(_picture(name, figure) for name, figure in figures.items()) + "</div>"


def _picture(name: str, figure: Figure) -> str:
    content = io.BytesIO()
    figure.savefig(content, format="png", bbox_inches="tight")
    text = base64.b64encode(content.getvalue()).decode()
    return f"<figure><img alt='{escape(name, quote=True)}' src='data:image/png;base64,{text}'></figure>"


def _table(rows: Sequence[Row]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    head = "".join(f"<th>{escape(name.replace('_', ' '))}</th>" for name in names)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(_cell(row.get(n, '')))}</td>" for n in names) + "</tr>" for row in rows
    )
    return f"<div class=scroll><table><tr>{head}</tr>{body}</table></div>"


def _pairs(pairs: Mapping[str, Any]) -> str:
    lines = (f"<dt>{escape(str(name))}</dt><dd>{escape(_value(value))}</dd>" for name, value in pairs.items())
    return "<dl>" + "".join(lines) + "</dl>"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_value(inner)}" for name, inner in value.items())
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ", ".join(map(_value, value))
    return str(value)


def _cell(value: Any) -> str:
    return style.number(value) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
