/** Moves the units' symbols: twice a second from afar, gliding between two fixes when looked at closely. */

import type { CityMap } from "../map/base.ts";
import { isStale, type Unit, type World } from "../shared/world.ts";
import { spot, unitFeature } from "./layers.ts";

const GLIDE_MS = 1_000;
const FAR_MS = 500;
const CLOSE_ZOOM = 13;
/** `tick` is to be called this often. */
export const MOVE_MS = 200;
/** Up to this many units each has its symbol at every zoom and glides; more are gathered into circles from afar. */
const MOST_SINGLE = 1_500;
/** Fresh units turn stale without any message, and stale ones older: look again this often. */
const REFRESH_MS = 5_000;
/** A jump of more than this (degrees) is not driven but shown at once. */
const JUMP_DEG = 0.01;

interface Leg {
  from: [number, number];
  to: [number, number];
  start_ms: number;
  /** What was told of the unit then. */
  told: string;
}

export class Mover {
  private readonly legs = new Map<number, Leg>();
  private drawn_ms = 0;
  private refreshed_ms = 0;
  /** Units of which something was told since the last drawing; null: draw all. */
  private changed: Set<number> | null = null;
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
    this.changed = null;
  }

  /** Note where everybody is heading now. */
  aim(now_ms: number): void {
    for (const unit of this.world.units.values()) {
      if (unit.lon_deg === null || unit.lat_deg === null) {
        if (this.legs.delete(unit.id)) this.changed?.add(unit.id); // it got another device, or none: nobody knows where it is
        continue;
      }
      const told = `${unit.at_ms} ${unit.state}`;
      const leg = this.legs.get(unit.id);
      if (leg?.told === told) continue;
      const to: [number, number] = [unit.lon_deg, unit.lat_deg];
      const here = leg ? at(leg, now_ms) : to;
      const jump = Math.abs(here[0] - to[0]) + Math.abs(here[1] - to[1]) > JUMP_DEG;
      this.legs.set(unit.id, { from: jump ? to : here, to, start_ms: now_ms, told });
      this.changed?.add(unit.id);
    }
  }

  /** Draw when it is time to. */
  tick(now_ms: number): void {
    const close = this.map.gl.getZoom() >= CLOSE_ZOOM && !this.many;
    if (!close && now_ms - this.drawn_ms < FAR_MS) return;
    if (now_ms - this.refreshed_ms >= REFRESH_MS) this.refresh(now_ms);
    if (!this.changed || this.many !== this.drewMany || (close && this.gliding(now_ms))) this.draw(now_ms, close);
    else if (this.changed.size > 0) this.drawChanged(now_ms, close, this.changed);
  }

  private refresh(now_ms: number): void {
    this.refreshed_ms = now_ms;
    for (const unit of this.world.units.values()) if (isStale(unit, now_ms)) this.changed?.add(unit.id);
  }

  /** Draw all units. */
  draw(now_ms: number, glide: boolean): void {
    this.drawn_ms = now_ms;
    this.changed = new Set();
    const features = [...this.world.units.values()].flatMap((unit) => this.feature(unit, now_ms, glide) ?? []);
    this.map.show(this.many ? "units-many" : "units", features);
    if (this.many !== this.drewMany) this.map.show(this.drewMany ? "units-many" : "units", []);
    this.drewMany = this.many;
    if (this.selected === null) this.map.show("selected", []);
  }

  /** Draw only what changed: of ten thousand units a few hundred report within half a second. */
  private drawChanged(now_ms: number, glide: boolean, ids: Set<number>): void {
    this.drawn_ms = now_ms;
    this.changed = new Set();
    const features: GeoJSON.Feature[] = [];
    const gone: number[] = [];
    for (const id of ids) {
      const unit = this.world.units.get(id);
      const feature = unit && this.feature(unit, now_ms, glide);
      if (feature) features.push(feature);
      else gone.push(id);
    }
    this.map.change(this.drewMany ? "units-many" : "units", features, gone);
  }

  /** The unit as it is drawn, unless it has no place or is filtered out. */
  private feature(unit: Unit, now_ms: number, glide: boolean): GeoJSON.Feature | undefined {
    const leg = this.legs.get(unit.id);
    if (!leg || !(this.visible(unit) || unit.id === this.selected)) return undefined;
    const [lon_deg, lat_deg] = glide ? at(leg, now_ms) : leg.to;
    if (unit.id === this.selected) this.drawSelected(lon_deg, lat_deg);
    return unitFeature(unit, lon_deg, lat_deg, now_ms);
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
