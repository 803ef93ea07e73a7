/** 850 m, 12.4 km */
export const distance = (length_m: number): string => (length_m < 995 ? `${Math.round(length_m / 10) * 10} m` : `${(length_m / 1000).toFixed(1)} km`);
