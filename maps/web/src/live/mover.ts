/** Moves the units' symbols: once a second from afar, gliding between two fixes when looked at closely. */

import type { CityMap } from "../map/base.ts";
import type { Unit, World } from "../shared/world.ts";
import { spot, unitFeature } from "./layers.ts";

const GLIDE_MS = 1_000;
const CLOSE_ZOOM = 13;
/** `tick` is to be called this often. */
export const MOVE_MS = 200;
/** Up to this many units each has its symbol at every zoom and glides; more are gathered into circles from afar. */
const MOST_SINGLE = 1_500;
/** Fresh units turn stale without any message: look again this often. */
const REFRESH_MS = 5_000;
/** A jump of more than this (degrees) is not driven but shown at once. */
const JUMP_DEG = 0.01;

interface Leg {
  from: [number, number];
  to: [number, number];
  start_ms: number;
}

export class Mover {
  private readonly legs = new Map<number, Leg>();
  private drawn_ms = 0;
  private changed = true;
  private drewMany = false;
  private visible: (unit: Unit) => boolean = () => true;
  selected: number | null = null;
  follow = false;

  constructor(
    private readonly map: CityMap,
    private readonly world: World,
  ) {}

  private get many(): boolean {
    return this.world.units.size > MOST_SINGLE;
  }

  /** Draw only units that pass the filters. */
  show(visible: (unit: Unit) => boolean): void {
    this.visible = visible;
    this.changed = true;
  }

  /** Note where everybody is heading now. */
  aim(now_ms: number): void {
    for (const unit of this.world.units.values()) {
      if (unit.lon_deg === null || unit.lat_deg === null) continue;
      const leg = this.legs.get(unit.id);
      if (leg && leg.to[0] === unit.lon_deg && leg.to[1] === unit.lat_deg) continue;
      const to: [number, number] = [unit.lon_deg, unit.lat_deg];
      const here = leg ? at(leg, now_ms) : to;
      const jump = Math.abs(here[0] - to[0]) + Math.abs(here[1] - to[1]) > JUMP_DEG;
      this.legs.set(unit.id, { from: jump ? to : here, to, start_ms: now_ms });
    }
    this.changed = true;
  }

  /** Draw when it is time to. */
  tick(now_ms: number): void {
    const close = this.map.gl.getZoom() >= CLOSE_ZOOM && !this.many;
    const since_ms = now_ms - this.drawn_ms;
    if (!close && since_ms < GLIDE_MS) return;
    if (!this.changed && !(close && this.gliding(now_ms)) && since_ms < REFRESH_MS) return;
    this.draw(now_ms, close);
  }

  draw(now_ms: number, glide: boolean): void {
    this.drawn_ms = now_ms;
    this.changed = false;
    const features: GeoJSON.Feature[] = [];
    for (const unit of this.world.units.values()) {
      const leg = this.legs.get(unit.id);
      if (!leg || !(this.visible(unit) || unit.id === this.selected)) continue;
      const [lon_deg, lat_deg] = glide ? at(leg, now_ms) : leg.to;
      features.push(unitFeature(unit, lon_deg, lat_deg, now_ms));
      if (unit.id === this.selected) this.drawSelected(lon_deg, lat_deg);
    }
    this.map.show(this.many ? "units-many" : "units", features);
    if (this.many !== this.drewMany) this.map.show(this.drewMany ? "units-many" : "units", []);
    this.drewMany = this.many;
    if (this.selected === null) this.map.show("selected", []);
  }

  private drawSelected(lon_deg: number, lat_deg: number): void {
    this.map.show("selected", spot(lon_deg, lat_deg));
    if (this.follow && !this.map.gl.isMoving()) this.map.gl.easeTo({ center: [lon_deg, lat_deg], duration: MOVE_MS, easing: (x) => x });
  }

  private gliding(now_ms: number): boolean {
    for (const leg of this.legs.values()) if (now_ms - leg.start_ms < GLIDE_MS + MOVE_MS) return true;
    return false;
  }
}

function at(leg: Leg, now_ms: number): [number, number] {
  const share = Math.min(1, (now_ms - leg.start_ms) / GLIDE_MS);
  return [leg.from[0] + (leg.to[0] - leg.from[0]) * share, leg.from[1] + (leg.to[1] - leg.from[1]) * share];
}
