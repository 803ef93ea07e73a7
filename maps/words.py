"""The words of the reports, one table per language with the same keys."""

from typing import Final

WORDS: Final[dict[str, dict[str, str]]] = {
    "zh": {
        "lang": "zh-CN",
        "title": "园区治安热点报告",
        "period": "{start} 至 {end}（北京时间，不含截止时刻）",
        "made": "生成于 {at}",
        "synthetic": "虚构园区，仅供演示",
        "counted": "计入事件",
        "left_out": "未计入事件",
        "cells": "网格",
        "cells_of": "边长 {cell} 米",
        "hot": "热点网格",
        "left_out_by": "{origin} {n}",
        "nothing_left_out": "无",
        "per_cell": "平均每格 {n}",
        "map": "地图",
        "map_alt": "园区范围、网格、热点与事件位置图",
        "legend": "图例",
        "legend_z": "热点强度（z 值）",
        "legend_band": "{low} – {high}",
        "legend_top": "{low} 以上",
        "legend_event": "非热点，有事件",
        "legend_empty": "无事件（不等于安全）",
        "legend_incident": "事件",
        "legend_enterprise": "企业",
        "legend_park": "园区边界",
        "legend_river": "河流",
        "list": "热点网格及理由",
        "rank": "序号",
        "place": "中心位置（经度，纬度）",
        "here": "本格",
        "with_neighbours": "含邻格",
        "expected": "平均应有",
        "score": "z",
        "false_share": "q",
        "why": "理由",
        "reason": (
            "本格 {n} 起，连同相邻 {neighbours} 格共 {total} 起；"
            "园区内同样多的网格平均 {expected} 起，是平均的 {ratio} 倍。"
        ),
        "near": "距 {name} {distance:.0f} 米",
        "reason_kinds": "本格类别：{kinds}。",
        "kind": "{kind} {n}",
        "firm": "稳固：同样多的事件若随机落在全园各格，只有 {p} 的情形会出现这样高的 z。",
        "luck": "或属巧合：事件若随机落在全园各格，仍有 {p} 的情形会出现这样高的 z。",
        "firm_of": "其中 {n} 格稳固，q ≤ {share}",
        "none": "没有热点：没有网格明显高于园区平均水平，差异都可能出于偶然。",
        "few": "事件太少（{n} 起，少于 {least} 起），不足以下结论：本报告不列热点。可延长时段后再看。",
        "method": "方法与限度",
        "method_grid": (
            "把园区划成边长 {cell} 米的方格（坐标系 EPSG:{epsg}），数出每格的事件数，边界上的事件只归一格。"
        ),
        "method_gi": (
            "对每一格，把本格与相邻各格的事件数之和与园区平均比较，得到 z 值（Getis-Ord Gi*）。z 越大，越不像偶然。"
        ),
        "method_fdr": (
            "同时检验很多格，总有几格碰巧偏高，因此按 Benjamini–Hochberg 方法校正："
            "列出的热点中，预计至多 {share} 是碰巧（q 值）。"
        ),
        "method_luck": (
            "另把同样多的事件随机撒在全园各格，反复多次：若随机情形中全园最高的 z 很少达到某格的 z（不超过 {share}），"
            "该格称为稳固；否则或属巧合，不宜单独据此部署。"
        ),
        "method_origin": "检查、巡逻中发现的事件不参与排名：查得多，发现就多，不等于更危险。",
        "method_origin_all": "本报告按要求把检查、巡逻中发现的事件也计入：查得多的地方会显得更危险，请谨慎使用。",
        "method_limits": (
            "事件数没有按企业数、人数折算。热点只说明这段时间里这些地点的情况，不针对任何人，也不预测个案。"
        ),
        "source": "底图：{attribution}。边界非权威数据，公开展示前请换用自然资源主管部门的数据。",
        "drawn_with": "绘图：Leaflet、folium。本文件可离线打开，不访问网络。",
        "comma": "，",
        "semicolon": "；",
    },
    "en": {
        "lang": "en",
        "title": "Park hot-spot report",
        "period": "{start} to {end} (Beijing time, end not included)",
        "made": "made {at}",
        "synthetic": "Invented park, for demonstration only",
        "counted": "Incidents counted",
        "left_out": "Incidents left out",
        "cells": "Cells",
        "cells_of": "{cell} m wide",
        "hot": "Hot cells",
        "left_out_by": "{origin} {n}",
        "nothing_left_out": "none",
        "per_cell": "{n} a cell on average",
        "map": "Map",
        "map_alt": "Map of the park, its cells, the hot spots and the incidents",
        "legend": "Legend",
        "legend_z": "Strength of the hot spot (z)",
        "legend_band": "{low} – {high}",
        "legend_top": "above {low}",
        "legend_event": "not hot, has incidents",
        "legend_empty": "no incidents (which is not “safe”)",
        "legend_incident": "incident",
        "legend_enterprise": "enterprise",
        "legend_park": "boundary of the park",
        "legend_river": "river",
        "list": "Hot cells and why",
        "rank": "No.",
        "place": "Centre (lon, lat)",
        "here": "Here",
        "with_neighbours": "With neighbours",
        "expected": "Average",
        "score": "z",
        "false_share": "q",
        "why": "Why",
        "reason": (
            "Incidents: {n} here, {total} together with the {neighbours} neighbours. "
            "As many cells of this park hold {expected} on average: {ratio} times the average."
        ),
        "near": "{distance:.0f} m from {name}",
        "reason_kinds": "In this cell: {kinds}.",
        "kind": "{kind} {n}",
        "firm": "Firm: as many incidents scattered at random reach this z anywhere in only {p} of the cases.",
        "luck": "Perhaps luck: as many incidents scattered at random still reach this z in {p} of the cases.",
        "firm_of": "{n} of them firm, q ≤ {share}",
        "none": "No hot cells: no cell stands out from the park's average more than chance explains.",
        "few": (
            "Too few incidents ({n}, fewer than {least}) to conclude anything: no hot cells are listed. "
            "Try a longer period."
        ),
        "method": "Method and limits",
        "method_grid": (
            "The park is divided into squares {cell} m wide (EPSG:{epsg}) and the incidents in each are counted; "
            "one on an edge belongs to one cell only."
        ),
        "method_gi": (
            "The sum of each cell and its neighbours is compared with the park's average, which gives z "
            "(Getis-Ord Gi*). The larger z is, the less it looks like chance."
        ),
        "method_fdr": (
            "Many cells are tested at once, and some stand out by luck. After the correction of Benjamini and Hochberg "
            "at most {share} of the cells listed are expected to be luck (q)."
        ),
        "method_luck": (
            "As many incidents are also scattered over the cells at random, many times: a cell is firm if the highest "
            "z of the whole park reaches its z in at most {share} of the maps. Otherwise it may be luck; don't act on "
            "it alone."
        ),
        "method_origin": (
            "Incidents found by inspections and patrols take no part in the ranking: where one looks more, one finds "
            "more, which does not make the place more dangerous."
        ),
        "method_origin_all": (
            "As asked, incidents found by inspections and patrols are counted too: places that were looked at more "
            "will seem more dangerous. Use with care."
        ),
        "method_limits": (
            "Counts are not divided by enterprises or workers. A hot cell says something about these places in this "
            "period; it is about no person and predicts no single case."
        ),
        "source": (
            "Base map: {attribution}. The boundaries are not authoritative: use the natural-resources bureau's data "
            "before any public display."
        ),
        "drawn_with": "Drawn with Leaflet and folium. This file opens offline and asks the network for nothing.",
        "comma": ", ",
        "semicolon": "; ",
    },
}

ORIGINS: Final[dict[str, dict[str, str]]] = {
    "zh": {
        "citizen": "群众",
        "enterprise": "企业",
        "sensor": "感知设备",
        "inspection": "检查发现",
        "patrol": "巡逻发现",
    },
    "en": {"citizen": "citizens", "enterprise": "enterprises", "sensor": "sensors"}
    | {"inspection": "inspections", "patrol": "patrols"},
}
"""Who noticed an incident."""

KINDS: Final[dict[str, dict[str, str]]] = {
    "zh": {
        "theft": "盗窃",
        "burglary": "入室盗窃",
        "dispute": "纠纷",
        "traffic": "交通事故",
        "fire": "火情",
        "help": "求助",
        "violence": "暴力侵害",
        "fraud": "诈骗",
        "noise": "噪声扰民",
        "hazard": "安全隐患",
        "robbery": "抢劫",
        "vandalism": "损毁财物",
        "trespass": "擅自进入",
        "fire_hazard": "火灾隐患",
        "other": "其他",
    },
    "en": {"fire_hazard": "fire hazard"},
}
"""Kinds of incident; a kind without an entry is shown as the file wrote it."""
