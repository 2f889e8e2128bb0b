const PATHS = {
  undo: "M9 7H15a5 5 0 0 1 0 10H8M9 7l3.5-3.5M9 7l3.5 3.5",
  redo: "M15 7H9a5 5 0 0 0 0 10h7M15 7l-3.5-3.5M15 7l-3.5 3.5",
  picture: "M4 5h16v14H4zM4 16l4.5-4.5L13 16l3-3 4 4M15 9.5v.01",
  camera: "M4 8h3.5L9 6h6l1.5 2H20v11H4zM12 10a3.2 3.2 0 1 0 0 6.4 3.2 3.2 0 0 0 0-6.4",
  gallery: "M4 4h6.5v6.5H4zM13.5 4H20v6.5h-6.5zM4 13.5h6.5V20H4zM13.5 13.5H20V20h-6.5z",
  crop: "M7 3v14h14M3 7h14v14",
  dice: "M4.5 4h15v16h-15zM9 8v1M15 15v1M12 11.5v1M9 15v1M15 8v1",
  close: "M6 6l12 12M18 6L6 18",
  up: "M12 19V6M6 11l6-6 6 6",
  down: "M12 5v13M6 13l6 6 6-6",
  download: "M12 4v11M7 11l5 5 5-5M5 20h14",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  link: "M10 14a4 4 0 0 0 6 .5l3-3a4 4 0 0 0-5.7-5.7L12 7M14 10a4 4 0 0 0-6-.5l-3 3a4 4 0 0 0 5.7 5.7L12 17",
  save: "M6 4h12v16l-6-4.5L6 20z",
  trash: "M5 7h14M10 7V4.5h4V7M7 7l1 13h8l1-13",
  flip: "M12 3v18M9 7L4 17h5zM15 7l5 10h-5z",
  turnLeft: "M5 9h9a5 5 0 0 1 0 10h-2M5 9l4-4M5 9l4 4",
  turnRight: "M19 9h-9a5 5 0 0 0 0 10h2M19 9l-4-4M19 9l-4 4",
  play: "M8 5l11 7-11 7z",
  pause: "M8 5v14M16 5v14",
  plus: "M12 5v14M5 12h14",
  blend: "M9 6.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11M15 6.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11",
  target: "M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4M9 9h6v6H9z",
} as const;

export type IconName = keyof typeof PATHS;

/** A small drawing beside or instead of words; it says nothing to screen readers. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
