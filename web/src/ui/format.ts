/** Numbers, sizes and times as people read them. */

const COUNT = new Intl.NumberFormat("en");
const SIZE = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const TIME = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });

/** 12,345 */
export const count = (value: number): string => COUNT.format(value);

/** 5.43 MB; of 1,000s, as disks are sold and as the command line says it. */
export function bytes(value: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, value)) / 3));
  return `${SIZE.format(value / 1000 ** power)} ${units[power]}`;
}

/** Nov 29, 2026, 12:30 AM, where the person is. */
export const time = (iso: string): string => TIME.format(new Date(iso));

/** 45% */
export const percent = (share: number): string => `${Math.round(100 * share)}%`;
