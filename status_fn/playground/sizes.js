// Sizes worth offering for a model: its default, a half, a double, and both orientations. Pure.

/** [width, height] pairs inside the limits, smallest first, the default among them. */
export function offered(limits, defaults) {
  const usual = Math.max(defaults.width, defaults.height);
  const largest = Math.min(usual * 2, limits.width.max, limits.height.max);
  const wished = [
    [usual / 2, usual / 2],
    [defaults.width, defaults.height],
    [largest, largest],
    [largest, (largest * 5) / 8],
    [(largest * 5) / 8, largest],
  ];
  const fitting = wished.map(([w, h]) => [snapped(w, limits), snapped(h, limits)]).filter((size) => fits(size, limits));
  return fitting.filter(([w, h], index) => fitting.findIndex((other) => other[0] === w && other[1] === h) === index);
}

/** Why this size cannot be drawn, or nothing. */
export function fits([width, height], limits) {
  const side = (value, range) => value >= range.min && value <= range.max && value % limits.multiple_of === 0;
  return side(width, limits.width) && side(height, limits.height) && width * height <= (limits.pixels ?? Infinity);
}

function snapped(value, { multiple_of: unit }) {
  return Math.max(unit, Math.floor(value / unit) * unit);
}
