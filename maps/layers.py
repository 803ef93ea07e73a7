"""Feature collections become layers of a folium map."""

from typing import Any

import folium

from maps.features import Collection

INK, LAND, WATER, BORDER, ENTERPRISE, EVENT = "#17222d", "#f8f8f5", "#b5d3ea", "#a9b4c0", "#33516f", "#5b7a99"

HEAT: tuple[tuple[float, str], ...] = ((1.96, "#fdd49e"), (2.58, "#fc8d59"), (3.5, "#d7301f"), (5.0, "#7f0000"))
"""Lowest z of each band and its colour, on the pages and in the reports."""

_DARK_FROM_Z = 3.5


def heat(z: float) -> str:
    """Return the colour of a hot cell."""
    return next((colour for low, colour in reversed(HEAT) if z >= low), HEAT[0][1])


def boundaries(collection: Collection, *, weight: float, colour: str, fill: str | None = None) -> folium.GeoJson:
    """Return outlines, filled if a colour is given."""
    style = {"color": colour, "weight": weight, "fill": fill is not None, "fillColor": fill, "fillOpacity": 1}
    return folium.GeoJson(collection, style_function=lambda _: style, interactive=False, smooth_factor=0.5)


def lines(collection: Collection, *, weight: float, colour: str) -> folium.GeoJson:
    """Return lines with round ends."""
    style = {"color": colour, "weight": weight, "lineCap": "round", "lineJoin": "round"}
    return folium.GeoJson(collection, style_function=lambda _: style, interactive=False)


def cells(collection: Collection, labels: dict[str, str]) -> folium.GeoJson:
    """Return the cells: hot ones filled by their z, the others as a thin grid, darker where something happened."""
    return folium.GeoJson(
        collection,
        style_function=_cell_style,
        tooltip=folium.GeoJsonTooltip(list(labels), list(labels.values()), localize=True, sticky=True),
    )


def ranks(collection: Collection) -> folium.FeatureGroup:
    """Return the number of each hot cell, in its middle."""
    group = folium.FeatureGroup()
    for feature in collection["features"]:
        rank, ring = feature["properties"]["rank"], feature["geometry"]["coordinates"][0]
        if rank is not None:
            middle = ((ring[0][1] + ring[2][1]) / 2, (ring[0][0] + ring[2][0]) / 2)
            icon = folium.DivIcon(html=f"<b>{rank}</b>", class_name=_rank_style(feature), icon_size=(22, 22))
            folium.Marker(middle, icon=icon, interactive=False, keyboard=False).add_to(group)
    return group


def points(collection: Collection, *, colour: str, radius: float, label: str | None = None) -> folium.GeoJson:
    """Return dots; with a label, that property is shown beside the pointer."""
    dot = folium.CircleMarker(
        radius=radius, color="#ffffff", weight=1, fill=True, fill_color=colour, fill_opacity=0.9, opacity=0.9
    )
    tooltip = folium.GeoJsonTooltip([label], labels=False) if label and collection["features"] else None
    return folium.GeoJson(collection, marker=dot, tooltip=tooltip)


def _rank_style(feature: dict[str, Any]) -> str:
    """Style of a number: light on the dark colours."""
    return "rank dark" if feature["properties"]["gi_star_z"] >= _DARK_FROM_Z else "rank"


def _cell_style(feature: dict[str, Any]) -> dict[str, Any]:
    """Style of one cell."""
    properties = feature["properties"]
    if properties["hot"]:
        return {"color": "#ffffff", "weight": 1, "fillColor": heat(properties["gi_star_z"]), "fillOpacity": 0.78}
    filled = 0.16 if properties["n"] else 0
    return {"color": "#8996a3", "weight": 0.4, "fillColor": EVENT, "fillOpacity": filled}
