/** Every word that the page shows, to be translated in one place. */
export const text = {
  nav: {
    label: "Pages",
    skip: "Skip to the content",
    editor: "Editor",
    models: "Models",
    datasets: "Data sets",
    jobs: "Trainings",
  },
  theme: { system: "Theme: system", light: "Theme: light", dark: "Theme: dark" },
  loading: "Loading…",
  again: "Try again",
  noSuchPage: "There is no such page.",
  engines: {
    service: "service",
  },
  errors: {
    away: "The service does not answer.",
    awayHint: "Is `funit serve` running, and are you online?",
    unexpected: "Something went wrong.",
  },
} as const;
