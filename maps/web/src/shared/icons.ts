/** Line icons on a 24-unit grid, drawn for this product. */

import { svg, type TemplateResult } from "lit";

const PATHS = {
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM15.5 15.5 20 20",
  close: "M6 6l12 12M18 6 6 18",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  city: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8ZM12 2.5v2M12 19.5v2M4.9 4.9l1.4 1.4M17.7 17.7l1.4 1.4M2.5 12h2M19.5 12h2M4.9 19.1l1.4-1.4M17.7 6.3l1.4-1.4",
  moon: "M20 14.5A8 8 0 0 1 9.5 4 8 8 0 1 0 20 14.5Z",
  screen: "M4 5h16v11H4ZM9 20h6M12 16v4",
  user: "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8ZM4.5 20a7.5 7.5 0 0 1 15 0",
  keyboard: "M3 6h18v12H3ZM7 10h.01M11 10h.01M15 10h.01M18 10h.01M7 14h10",
  target: "M12 6a6 6 0 1 0 0 12 6 6 0 0 0 0-12ZM12 2v4M12 18v4M2 12h4M18 12h4",
  follow: "M12 3 18.5 20 12 16.5 5.5 20Z",
  trail: "M5 19c4 0 3-6 7-6s3-7 7-8M5 19h.01M19 5h.01",
  replay: "M4 12a8 8 0 1 0 2.5-5.8M4 4v4h4",
  back: "M14.5 5 8 12l6.5 7",
  play: "M7 4.5 19 12 7 19.5Z",
  pause: "M8 5v14M16 5v14",
  bell: "M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 1.5h-15ZM10 20.5h4",
  chevron: "M6 9.5l6 6 6-6",
  filter: "M4 6h16M7 12h10M10 18h4",
  check: "M5 12.5 10 17.5 19.5 7",
  offline: "M3 3l18 18M8.5 16.5a5 5 0 0 1 7 0M5 12.5a10 10 0 0 1 4-2.5M12.5 9.2A10 10 0 0 1 19 12.5M12 20h.01",
  clock: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16ZM12 7.500V12l3 2",
  late: "M12 3.500 21.500 20H2.500ZM12 9.500v5M12 17h.01",
  sound: "M4 9.500v5h3.500L12 18.500v-13L7.500 9.500ZM15.500 9a4 4 0 0 1 0 6M18 6.500a8 8 0 0 1 0 11",
  mute: "M4 9.500v5h3.500L12 18.500v-13L7.500 9.500ZM15.500 9.500l5 5M20.500 9.500l-5 5",
  window: "M4 8V5h16v14h-5M4 12h8v8H4Z",
  layers: "M12 4 21 9l-9 5-9-5ZM3.500 13.500 12 18.500l8.500-5",
  note: "M5 4h14v11l-4.500 5H5ZM14.500 20v-5H19M8.500 9h7M8.500 13h4",
  link: "M9.500 14.500l5-5M11 6.500l2-2a4 4 0 0 1 6 6l-2 2M13 17.500l-2 2a4 4 0 0 1-6-6l2-2",
  report: "M6 3h8l5 5v13H6ZM14 3v5h5M9 13h7M9 17h7",
  pin: "M12 21s-7-6.5-7-11.5a7 7 0 0 1 14 0C19 14.5 12 21 12 21ZM12 7.5a2 2 0 1 0 0 4 2 2 0 0 0 0-4Z",
} as const;

export type IconName = keyof typeof PATHS;

/** An icon; it says nothing to a screen reader: its button does. */
export const icon = (name: IconName): TemplateResult =>
  svg`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d=${PATHS[name]}></path></svg>`;
