/** What a call waits for, and how long it may: the same timers by which the server escalates. */

import { OVER, type Assignment, type CallOut } from "../shared/types.ts";
import type { Tables } from "./tables.ts";

export interface Timer {
  what: "sign_for" | "accept" | "proposal" | "set_out" | "feedback";
  left_s: number;
  limit_s: number;
}

type Limits = Tables["timers"];

function timer(what: Timer["what"], since: string | null, limit_s: number, now_ms: number): Timer | null {
  return since === null ? null : { what, limit_s, left_s: limit_s - (now_ms - Date.parse(since)) / 1000 };
}

/** How long the call may still wait for its signature, or, once somebody has arrived, for the first feedback. */
export function callTimer(call: CallOut, limits: Limits, now_ms: number): Timer | null {
  if (call.state === "closed") return null;
  if (call.signed_at === null) return timer("sign_for", call.taken_at, limits.sign_for_s, now_ms);
  const arrived = call.assignments.map((one) => one.on_scene_at).filter((at) => at !== null).sort()[0] ?? null;
  return call.feedback_at === null ? timer("feedback", arrived, limits.feedback_s, now_ms) : null;
}

/** How long an assignment may still wait for its next step; null where none is timed. */
export function assignmentTimer(one: Assignment, limits: Limits, now_ms: number): Timer | null {
  if (OVER.includes(one.state)) return null;
  if (one.state === "proposed") return timer("proposal", one.proposed_at, limits.proposal_s, now_ms);
  if (one.state === "dispatched") return timer("accept", one.dispatched_at, limits.accept_s, now_ms);
  if (one.state === "accepted") return timer("set_out", one.accepted_at, limits.set_out_s, now_ms);
  return null;
}

/** The most pressing of all timers of a call. */
export function pressing(call: CallOut, limits: Limits, now_ms: number): Timer | null {
  const timers = [callTimer(call, limits, now_ms), ...call.assignments.map((one) => assignmentTimer(one, limits, now_ms))];
  return timers.filter((one) => one !== null).sort((a, b) => a.left_s - b.left_s)[0] ?? null;
}
