/** The part of the city an officer last looked at opens again next time. */

import type { CityMap } from "../map/base.ts";

const KEY = "tianshu.view";

export function rememberView(map: CityMap): void {
  const { lng, lat } = map.gl.getCenter();
  sessionStorage.setItem(KEY, JSON.stringify([lng, lat, map.gl.getZoom()]));
}

export function viewOf(map: CityMap): void {
  const [lng, lat, zoom] = JSON.parse(sessionStorage.getItem(KEY) ?? "[]") as number[];
  if (lng !== undefined && lat !== undefined && zoom !== undefined) map.gl.jumpTo({ center: [lng, lat], zoom });
}
