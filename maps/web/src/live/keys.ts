/** The live map without a mouse. */

import { session } from "../shared/session.ts";
import type { LivePage, Tab } from "./page.ts";

/** What a selected call and the tools answer to. */
interface CallPart extends HTMLElement {
  sign(): void;
  end(): void;
  recommend(): void;
}

interface LayersPart extends HTMLElement {
  toggle(): void;
}

const TABS: Record<string, Tab> = { "1": "units", "2": "calls", "3": "alerts", "4": "messages" };

export function liveKey(page: LivePage, event: KeyboardEvent): void {
  const target = event.target as Element;
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.key === "Escape") return escape(page, target);
  if (target.closest("input, select, textarea")) return;
  const act = ACTS[event.key.toLowerCase()];
  if (act && !(event.key.startsWith("Arrow") && target.closest(".maplibregl-canvas"))) {
    if (act(page) !== false) event.preventDefault();
  }
}

function escape(page: LivePage, target: Element): void {
  if (target instanceof HTMLElement && target.matches("input, select, textarea")) return target.blur();
  if (page.desk.picking) page.desk.stopPicking();
  else if (page.following) page.setFollow(false);
  else page.select(null);
}

const ACTS: Record<string, (page: LivePage) => unknown> = {
  "/": (page) => {
    page.openTab("units");
    void page.updateComplete.then(() => page.unitList?.focusSearch());
  },
  n: (page) => (session.may("take_call") ? page.select({ what: "form" }) : false),
  j: (page) => (page.desk.waiting > 1 ? page.select({ what: "joint" }) : false),
  f: (page) => (page.selectedUnit ? page.setFollow(!page.following) : false),
  t: (page) => (page.selectedUnit ? page.setTrail(!page.trailShown) : false),
  arrowdown: (page) => move(page, 1),
  arrowup: (page) => move(page, -1),
  enter: (page) => (document.activeElement === document.body || document.activeElement?.id === "main" ? rows(page)?.pickActive() : false),
  "1": (page) => page.openTab(TABS["1"]!),
  "2": (page) => page.openTab(TABS["2"]!),
  "3": (page) => page.openTab(TABS["3"]!),
  "4": (page) => (session.may("dispatch") ? page.openTab(TABS["4"]!) : false),
  s: (page) => onCall(page, (call) => call.sign()),
  c: (page) => onCall(page, (call) => call.end()),
  r: (page) => onCall(page, (call) => call.recommend()),
  k: (page) => page.desk.mute(),
  v: (page) => page.desk.popOut(),
  h: (page) => (session.may("hand_over") ? page.desk.handOver() : false),
  y: (page) => page.querySelector<LayersPart>("tianshu-layers")?.toggle(),
};

function onCall(page: LivePage, act: (call: CallPart) => void): unknown {
  const call = page.querySelector<CallPart>("tianshu-call");
  return call ? act(call) : false;
}

interface Movable extends HTMLElement {
  move(by: number): void;
  pickActive(): void;
}

const rows = (page: LivePage): Movable | null => page.querySelector<Movable>(page.tab === "calls" ? ".calls tianshu-rows" : "tianshu-units tianshu-rows");

function move(page: LivePage, by: number): unknown {
  const list = rows(page);
  if (!list) return false;
  list.move(by);
  return true;
}
