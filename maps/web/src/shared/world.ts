/** What the dispatcher's pages know of the city: units, calls and alerts, loaded once and kept fresh by the stream. */

import { all, Problem } from "./api.ts";
import { Stream, type Connection } from "./stream.ts";
import { session } from "./session.ts";
import type { AlertOut, CallOut, Delta, UnitOut, UnitRow } from "./types.ts";

export interface Unit {
  id: number;
  callSign: string;
  kind: string;
  equipment: string[];
  division: string | null;
  state: string;
  lon_deg: number | null;
  lat_deg: number | null;
  heading_deg: number | null;
  speed_mps: number | null;
  accuracy_m: number | null;
  at_ms: number | null;
}

/** A unit not heard of for as long as the server says is stale: never shown as if it were fresh. */
export const isStale = (unit: Unit, now_ms: number): boolean => unit.at_ms === null || now_ms - unit.at_ms > (session.me?.stale_after_s ?? 0) * 1000;

/** Events: `units` (something moved), `roster` (units came or changed), `calls`, `call` (a new one), `alerts`, `alert` (a new one), `connection`. */
class World extends EventTarget {
  readonly units = new Map<number, Unit>();
  readonly calls = new Map<number, CallOut>();
  readonly alerts = new Map<number, AlertOut>();
  connection: Connection = { state: "connecting", since_ms: Date.now() };
  loaded = false;
  private rosterAsked_ms = 0;
  private opening: Promise<() => void> | null = null;
  private users = 0;

  /**
   * Load everything, then listen; returns what lets go. One stream serves all who opened; the last to let go ends it.
   * Throws a Problem when the first load fails.
   */
  async open(): Promise<() => void> {
    this.users += 1;
    let stop: () => void;
    try {
      stop = await (this.opening ??= this.load());
    } catch (error) {
      this.opening = null;
      this.users -= 1;
      throw error;
    }
    return () => {
      this.users -= 1;
      if (this.users === 0) this.forget(stop);
    };
  }

  private async load(): Promise<() => void> {
    await Promise.all([this.loadRoster(), unlessDenied(this.loadCalls()), unlessDenied(this.loadAlerts())]);
    this.loaded = true;
    this.tell("roster");
    return new Stream("/stream", (event, data) => this.receive(event, data as Delta), (c) => this.connected(c)).start();
  }

  private forget(stop: () => void): void {
    stop();
    for (const things of [this.units, this.calls, this.alerts]) things.clear();
    this.loaded = false;
    this.opening = null;
  }

  async loadRoster(): Promise<void> {
    this.rosterAsked_ms = Date.now();
    for (const item of await all<UnitOut>("/units?limit=1000")) this.units.set(item.id, fromRoster(item, this.units.get(item.id)));
    this.tell("roster");
  }

  private async loadCalls(): Promise<void> {
    for (const state of ["open", "assigned"]) this.mergeCalls(await all<CallOut>(`/calls?state=${state}`));
  }

  private async loadAlerts(): Promise<void> {
    for (const state of ["open", "acknowledged"]) {
      for (const alert of await all<AlertOut>(`/alerts?state=${state}`)) this.alerts.set(alert.id, alert);
    }
    this.tell("alerts");
  }

  private receive(event: string, delta: Delta): void {
    if (event !== "snapshot" && event !== "delta") return;
    if (delta.units?.length) this.mergeUnits(delta.units);
    // what even a snapshot adds came after the lists were loaded, or while the line was down: it is news
    if (delta.calls?.length) this.mergeCalls(delta.calls, true);
    if (delta.alerts?.length) this.mergeAlerts(delta.alerts, true);
  }

  private mergeUnits(rows: UnitRow[]): void {
    let strangers = false;
    for (const row of rows) {
      const unit = this.units.get(row[0]);
      if (unit) moveUnit(unit, row);
      else strangers = true;
    }
    if (strangers && Date.now() - this.rosterAsked_ms > 2_000) void this.loadRoster().catch(() => undefined);
    this.tell("units");
  }

  /** Take calls as the server told them, over the stream or in answer to a step. */
  mergeCalls(calls: CallOut[], news = false): void {
    for (const call of calls) {
      const known = this.calls.has(call.id);
      if (call.state === "closed") this.calls.delete(call.id);
      else this.calls.set(call.id, call);
      if (news && !known && call.state === "open" && call.signed_at === null) this.dispatchEvent(new CustomEvent("call", { detail: call }));
    }
    this.tell("calls");
  }

  mergeAlerts(alerts: AlertOut[], news = false): void {
    for (const alert of alerts) {
      const known = this.alerts.has(alert.id);
      if (alert.state === "closed") this.alerts.delete(alert.id);
      else this.alerts.set(alert.id, alert);
      if (news && !known && alert.state === "open") this.dispatchEvent(new CustomEvent("alert", { detail: alert }));
    }
    this.tell("alerts");
  }

  private connected(connection: Connection): void {
    this.connection = connection;
    this.tell("connection");
  }

  private tell(what: string): void {
    this.dispatchEvent(new Event(what));
  }
}

export const world = new World();
export type { World };

/** Calls and alerts are not everybody's business: without the right to see them the lists stay empty. */
async function unlessDenied(load: Promise<void>): Promise<void> {
  await load.catch((error: unknown) => {
    if (!(error instanceof Problem && error.status === 403)) throw error;
  });
}

function fromRoster(item: UnitOut, known: Unit | undefined): Unit {
  const at_ms = item.at === null ? null : Date.parse(item.at);
  const fresher = known !== undefined && (known.at_ms ?? 0) > (at_ms ?? 0);
  const where = fresher ? known : { ...item, at_ms, accuracy_m: known?.accuracy_m ?? null };
  return {
    id: item.id,
    callSign: item.call_sign,
    kind: item.kind,
    equipment: item.equipment,
    division: item.division,
    state: item.state,
    lon_deg: where.lon_deg,
    lat_deg: where.lat_deg,
    heading_deg: where.heading_deg,
    speed_mps: where.speed_mps,
    accuracy_m: where.accuracy_m,
    at_ms: where.at_ms,
  };
}

function moveUnit(unit: Unit, row: UnitRow): void {
  const [, lon_deg, lat_deg, heading_deg, speed_mps, accuracy_m, at_s, state] = row;
  unit.state = state;
  if (at_s !== null && at_s * 1000 < (unit.at_ms ?? 0)) return;
  Object.assign(unit, { lon_deg, lat_deg, heading_deg, speed_mps, accuracy_m, at_ms: at_s && at_s * 1000 });
}
