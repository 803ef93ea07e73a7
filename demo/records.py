"""What cases, exports and oversight leave behind in the demo city: invented, and entered by those whose work it is.

What is there already is left as it is, so a second run adds nothing.
"""

from collections.abc import Mapping
from datetime import datetime, time, timedelta, timezone
from typing import Any

from rich.console import Console

from demo.door import Door

BEIJING = timezone(timedelta(hours=8))
DAY = timedelta(days=1)
CASES = (
    ("演示案〔2026〕1号", "【演示】盗窃案：核对巡逻车当日经过", True),
    ("演示案〔2026〕2号", "【演示】损毁财物案：待审批", False),
)
EXPORT = "【演示】群众投诉核查：出警时间"
REVIEW = "【演示】已抽查本周轨迹查询与导出，均有勤务或案件依据，未见异常。"


async def records(
    doors: Mapping[str, Door], logins: Mapping[str, Mapping[str, Any]], now: datetime, console: Console
) -> None:
    """Bring authorisations, one approved and one waiting, an export that waits, and last week's signed review."""
    if not {"investigator", "approver", "auditor", "dispatcher"} <= doors.keys():
        return
    units = [unit["id"] async for unit in doors["dispatcher"].pages("/units")]
    if len(units) < len(CASES):
        return
    await _cases(doors["investigator"], doors["approver"], units, now)
    if not [one async for one in doors["dispatcher"].pages("/exports")]:
        wish = {"unit_id": units[0], "start": _said(now - DAY), "end": _said(now), "reason": EXPORT}
        await doors["dispatcher"].post("/exports", wish)
    await _review(doors["auditor"], logins, now)
    console.print("[green]✓[/] Cases, an export and a review, all of them invented")


async def _cases(investigator: Door, approver: Door, units: list[int], now: datetime) -> None:
    there = {one["case_no"] async for one in investigator.pages("/authorisations")}
    for unit_id, (case_no, purpose, approved) in zip(units, CASES, strict=False):
        if case_no in there:
            continue
        wanted = {
            "case_no": case_no, "instrument": f"{case_no}调取证据通知书", "issuing_unit": "示例公安局",
            "issuing_level": "city", "purpose": purpose, "subjects": [f"unit:{unit_id}"],
            "window_start": _said(now - 7 * DAY), "window_end": _said(now), "expires_at": _said(now + 30 * DAY),
        }  # fmt: skip
        made = await investigator.post("/authorisations", wanted)
        if approved:
            await approver.post(f"/authorisations/{made['id']}/approve")


async def _review(auditor: Door, logins: Mapping[str, Mapping[str, Any]], now: datetime) -> None:
    """Sign the review of the week before this one."""
    if (await auditor.get("/audit/reviews"))["items"]:
        return
    today = datetime.combine(now.astimezone(BEIJING).date(), time(), BEIJING)
    week = (today - timedelta(days=today.weekday() + 7)).date()
    password = next(login["password"] for login in logins.values() if "auditor" in login["roles"])
    body = {"week": week.isoformat(), "statement": REVIEW, "password": password}
    await auditor.post("/audit/reviews", body)


def _said(moment: datetime) -> str:
    return moment.isoformat()
