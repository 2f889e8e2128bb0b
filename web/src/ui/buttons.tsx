import type { ButtonHTMLAttributes, ComponentChildren } from "preact";
import { Icon, type IconName } from "./icons";

type Rest = Omit<ButtonHTMLAttributes, "icon" | "label" | "title" | "aria-label">;

/** A button that is an icon alone; its name is seen when pointed at, and read aloud. */
export function IconButton({ icon, label, ...rest }: { icon: IconName; label: string } & Rest) {
  return (
    <button type="button" class="icon-button" title={label} aria-label={label} {...rest}>
      <Icon name={icon} />
    </button>
  );
}

/** A button with an icon before its words. */
export function WordButton({
  icon,
  children,
  ...rest
}: { icon: IconName; children: ComponentChildren } & Rest) {
  return (
    <button type="button" class="word-button" {...rest}>
      <Icon name={icon} />
      {children}
    </button>
  );
}

/** Lets the person pick files; looks like a button. */
export function FileButton({
  icon,
  label,
  accept,
  multiple = false,
  onFiles,
}: {
  icon: IconName;
  label: string;
  accept: string;
  multiple?: boolean;
  onFiles: (files: File[]) => void;
}) {
  return (
    <label class="button word-button">
      <Icon name={icon} />
      {label}
      <input
        class="hidden"
        type="file"
        accept={accept}
        multiple={multiple}
        onChange={(event) => {
          const input = event.currentTarget;
          onFiles([...(input.files ?? [])]);
          input.value = ""; // the same file may be picked again
        }}
      />
    </label>
  );
}

/** One of a few; arrow keys go from one to the next. */
export function Choice<T extends string>({
  label,
  options,
  value,
  onChange,
  showsLabel = false,
}: {
  label: string;
  options: readonly { value: T; name: string }[];
  value: T;
  onChange: (value: T) => void;
  showsLabel?: boolean;
}) {
  return (
    <fieldset class="choice">
      <legend class={showsLabel ? "" : "hidden"}>{label}</legend>
      <div class="options">
        {options.map((option) => (
          <label>
            <input
              class="hidden"
              type="radio"
              name={label}
              value={option.value}
              checked={option.value === value}
              onChange={() => onChange(option.value)}
            />
            <span>{option.name}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
