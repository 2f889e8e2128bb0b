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
  key: {
    title: "API key",
    label: "Key",
    about: "This service answers to people with a key. It is kept in this tab until you close it.",
    use: "Use this key",
    forget: "Forget the key",
    cancel: "Cancel",
    other: "Use another key",
  },
  loading: "Loading…",
  again: "Try again",
  noSuchPage: "There is no such page.",
  errors: {
    away: "The service does not answer.",
    awayHint: "Is `funit serve` running, and are you online?",
    unexpected: "Something went wrong.",
  },
} as const;
