/** The nine divisions and the neighbours: names, where their labels stand, which division a point is in. */

import type { Feature, FeatureCollection, Geometry, MultiPolygon, Point, Polygon, Position } from "geojson";
import { get } from "../shared/api.ts";
import { prefs } from "../shared/prefs.ts";

interface Division {
  adcode: string;
  name_zh: string;
  name_en: string;
  label_lon: number;
  label_lat: number;
}

type Shapes<P> = FeatureCollection<Polygon | MultiPolygon, P>;
/** What lies on the ground, in the names of `/basemap`. */
const GROUND = ["counties", "context", "city", "river"] as const;
const WORLD: Position[] = [[-180, -85], [180, -85], [180, 85], [-180, 85], [-180, -85]];

class Areas {
  divisions: Division[] = [];
  private shapes: Shapes<Division>["features"] = [];
  private neighbours: Shapes<{ name_zh: string }>["features"] = [];
  /** Everything on the ground; `of` says what it is. One source: every further one is drawn through a mask of its own. */
  ground: FeatureCollection = { type: "FeatureCollection", features: [] };

  load(counties: Shapes<Division>, context: Shapes<{ name_zh: string }>, city: Shapes<object>, river: FeatureCollection): void {
    this.shapes = counties.features;
    this.divisions = counties.features.map((feature) => feature.properties);
    this.neighbours = context.features;
    const all: FeatureCollection<Geometry, object | null>[] = [counties, context, city, river];
    this.ground.features = all.flatMap(({ features }, i) => features.map((feature) => ({ ...feature, properties: { ...feature.properties, of: GROUND[i] } })));
    this.ground.features.push({ type: "Feature", properties: { of: "outside" }, geometry: outside(city.features) });
  }

  /** The division's name in the reader's language; the code itself when it is not one of ours. */
  name(adcode: string | null): string {
    const found = this.divisions.find((division) => division.adcode === adcode);
    if (!found) return adcode ?? "—";
    return prefs.language === "zh" ? found.name_zh : found.name_en;
  }

  /** The code of the division that holds a point, or null outside the city. */
  at(lon_deg: number, lat_deg: number): string | null {
    return this.shapes.find((shape) => polygons(shape.geometry).some((rings) => inside(rings, lon_deg, lat_deg)))?.properties.adcode ?? null;
  }

  divisionPoints(): FeatureCollection<Point> {
    return points(this.divisions.map((division) => [division, [division.label_lon, division.label_lat]]));
  }

  /** A label per neighbour at the middle of its outline (they are a backdrop: the place need not be exact). */
  neighbourPoints(): FeatureCollection<Point> {
    return points(this.neighbours.map((shape) => [shape.properties, middle(polygons(shape.geometry).flatMap(([ring]) => ring ?? []))]));
  }
}

export const areas = new Areas();
let loading: Promise<void> | null = null;

/** Load the outlines once for all pages. A failure leaves the map without names and is tried again next time. */
export function loadAreas(): Promise<void> {
  loading ??= Promise.all([get<Shapes<Division>>("/basemap/counties"), get<Shapes<{ name_zh: string }>>("/basemap/context"), get<Shapes<object>>("/basemap/city"), get<FeatureCollection>("/basemap/river")])
    .then((layers) => areas.load(...layers))
    .catch(() => {
      loading = null;
    });
  return loading;
}

/** Everything that is not the city. */
const outside = (city: Shapes<object>["features"]): Polygon => ({ type: "Polygon", coordinates: [WORLD, ...city.flatMap((shape) => polygons(shape.geometry).flatMap(([ring]) => (ring ? [ring] : [])))] });

const polygons = (geometry: Polygon | MultiPolygon): Position[][][] =>
  geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;

function points(pairs: [object, Position][]): FeatureCollection<Point> {
  const features = pairs.map(([properties, coordinates]): Feature<Point> => ({ type: "Feature", properties, geometry: { type: "Point", coordinates } }));
  return { type: "FeatureCollection", features };
}

function middle(ring: Position[]): Position {
  const lons = ring.map((point) => point[0] ?? 0);
  const lats = ring.map((point) => point[1] ?? 0);
  return [(Math.min(...lons) + Math.max(...lons)) / 2, (Math.min(...lats) + Math.max(...lats)) / 2];
}

/** Even-odd rule over all rings, so that holes count as outside. */
function inside(rings: Position[][], x: number, y: number): boolean {
  let odd = false;
  for (const ring of rings) {
    for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
      const [xi = 0, yi = 0] = ring[i] ?? [];
      const [xj = 0, yj = 0] = ring[j] ?? [];
      if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) odd = !odd;
    }
  }
  return odd;
}
