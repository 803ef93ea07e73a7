/** Colours of the maps. The states keep their hue in both themes; shape says the same a second time. */

import type { Theme } from "../shared/prefs.ts";

export interface Palette {
  outside: string;
  neighbour: string;
  neighbourLine: string;
  neighbourLabel: string;
  land: string;
  division: string;
  cityLine: string;
  label: string;
  labelHalo: string;
  placeLabel: string;
  water: string;
  waterLabel: string;
  /** `far`: seen from so far that lines are thin and have no casing. */
  road: { motorway: string; main: string; minor: string; casing: string; far: { motorway: string; main: string; minor: string } };
  surface: string;
  ink: string;
  /** On a state's or a priority's colour. */
  onColour: string;
  trail: string;
  selection: string;
  stale: string;
  staleInk: string;
  state: Record<string, string>;
  priority: Record<number, string>;
  severity: Record<string, string>;
  area: string;
  heat: [number, string][];
  coldCell: string;
  enterprise: string;
}

const LIGHT: Palette = {
  outside: "#dfe4e9",
  neighbour: "#e8ebee",
  neighbourLine: "#cbd2d9",
  neighbourLabel: "#8a96a3",
  land: "#f5f4ef",
  division: "#a9b4c0",
  cityLine: "#7c8b9b",
  label: "#45525f",
  labelHalo: "#fbfaf7",
  placeLabel: "#66727e",
  water: "#b5d3ea",
  waterLabel: "#4a7ba6",
  road: { motorway: "#f0d08f", main: "#fdf6e3", minor: "#ffffff", casing: "#d3cdbd", far: { motorway: "#e0bd77", main: "#d6cfbd", minor: "#e2ded3" } },
  surface: "#ffffff",
  ink: "#17222d",
  onColour: "#ffffff",
  trail: "#1d4f91",
  selection: "#0b2f63",
  stale: "#7b8794",
  staleInk: "#5c6873",
  state: { free: "#0c6b53", reserved: "#8a6d1c", dispatched: "#b26a00", accepted: "#00728c", en_route: "#1f5fbf", on_scene: "#7440b5", off_duty: "#75818d" },
  priority: { 1: "#c3252b", 2: "#c75a00", 3: "#2c62a8", 4: "#66727e" },
  severity: { urgent: "#c3252b", warning: "#b26a00", notice: "#2c62a8" },
  area: "#7440b5",
  heat: [[1.96, "#fdd49e"], [2.58, "#fc8d59"], [3.5, "#d7301f"], [5, "#7f0000"]],
  coldCell: "#5b7a99",
  enterprise: "#33516f",
};

const DARK: Palette = {
  outside: "#0b1015",
  neighbour: "#10161c",
  neighbourLine: "#232d37",
  neighbourLabel: "#586673",
  land: "#18212a",
  division: "#42505e",
  cityLine: "#64748a",
  label: "#b4c1ce",
  labelHalo: "#141c24",
  placeLabel: "#8796a5",
  water: "#24455f",
  waterLabel: "#7fb0d8",
  road: { motorway: "#7a653b", main: "#4a5560", minor: "#323d48", casing: "#10171e", far: { motorway: "#7a653b", main: "#434e59", minor: "#2b3540" } },
  surface: "#1a232c",
  ink: "#e8eef4",
  onColour: "#0d141a",
  trail: "#78aef5",
  selection: "#cfe2ff",
  stale: "#8a97a5",
  staleInk: "#a5b1bd",
  state: { free: "#35b38f", reserved: "#cdb45c", dispatched: "#e0a03a", accepted: "#4fb9d2", en_route: "#6ba4f5", on_scene: "#b48cf0", off_duty: "#8492a0" },
  priority: { 1: "#f0595f", 2: "#ef8f42", 3: "#6ba4f5", 4: "#8d9aa8" },
  severity: { urgent: "#f0595f", warning: "#e0a03a", notice: "#6ba4f5" },
  area: "#b48cf0",
  heat: [[1.96, "#7a4a21"], [2.58, "#bd5b1d"], [3.5, "#ee8a3a"], [5, "#ffd9a0"]],
  coldCell: "#7f9bb8",
  enterprise: "#a9c4e2",
};

export const palette = (theme: Theme): Palette => (theme === "dark" ? DARK : LIGHT);
