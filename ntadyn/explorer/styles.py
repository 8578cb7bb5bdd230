"""How the page looks: its style sheet, and how wide its parts are."""

from typing import Any

import panel as pn

STYLE = """
:host, body { font-family: system-ui, sans-serif; }
h1 { font-size: 1.25rem; margin: 0; } h2 { font-size: 1rem; margin: 0.2rem 0; }
abbr { text-decoration: underline dotted; cursor: help; }
a:focus-visible, button:focus-visible, [tabindex]:focus-visible { outline: 3px solid #0072B2; outline-offset: 1px; }
.message { background: #FFF3E0; border-left: 4px solid #D55E00; padding: 0.4rem 0.6rem; margin: 0; }
.status { color: #444; margin: 0; } pre { overflow-x: auto; white-space: pre; font-size: 0.75rem; }
dl { margin: 0; } dt { font-weight: 600; } dd { margin: 0 0 0.3rem 0; }
"""
STRETCHED: dict[str, Any] = {"sizing_mode": "stretch_width"}
WIDE = {"flex": "1 1 360px", "min-width": "min(320px, 100%)", "max-width": "100%"}
CHOICE: dict[str, Any] = {**STRETCHED, "styles": {"flex": "1 1 150px", "min-width": "150px"}}


def text_pane(text: str = "", **look: Any) -> Any:
    """A piece of HTML over the whole width."""
    return pn.pane.HTML(text, stylesheets=[STYLE], **(STRETCHED | look))
