import { useId } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { text } from "../text";
import { Words } from "../ui/notes";
import { draftOf, type Draft, type Field, type Mistakes } from "./schema_form";

const words = text.library.form;

/** Values that a field may be filled with, by the field's name. */
export type Suggestions = Record<string, string[]>;

interface Shared {
  path: string;
  mistakes: Mistakes;
  suggestions: Suggestions;
}

/** The fields of a schema, each by its kind. */
export function FormFields({
  fields,
  draft,
  onChange,
  ...shared
}: Shared & { fields: readonly Field[]; draft: Draft; onChange: (draft: Draft) => void }) {
  return (
    <>
      {fields.map((field) => (
        <FormField
          key={field.name}
          field={field}
          value={draft[field.name] ?? null}
          onChange={(value) => onChange({ ...draft, [field.name]: value })}
          {...shared}
          path={shared.path + field.name}
        />
      ))}
    </>
  );
}

type Props = Shared & {
  field: Field;
  value: Draft[string];
  onChange: (value: Draft[string]) => void;
};

function FormField(props: Props) {
  const { field, value } = props;
  if (field.kind === "groups") return <Groups {...props} />;
  if (field.kind === "group") return <Group {...props} />;
  if (typeof value === "boolean") return <Tick {...props} />;
  return <Line {...props} />;
}

/** One line: text, a number, a choice; JSON takes more. */
function Line({ field, value, onChange, path, mistakes, suggestions }: Props) {
  const id = useId();
  const mistake = mistakes[path];
  const listed = [...(suggestions[field.name] ?? []), ...field.suggestions];
  const shared = {
    id,
    value: String(value ?? ""),
    required: field.isRequired,
    "aria-invalid": mistake ? ("true" as const) : undefined,
    "aria-describedby": `${id}-about`,
    onInput: (event: Event & { currentTarget: { value: string } }) =>
      onChange(event.currentTarget.value),
  };
  return (
    <div class={`form-field ${field.kind}`}>
      <label for={id}>
        {field.title}
        {!field.isRequired && <small class="muted"> {words.optional}</small>}
      </label>
      {field.kind === "json" ? (
        <textarea rows={4} spellcheck={false} {...shared} />
      ) : field.kind === "choice" ? (
        <select {...shared}>
          {field.isNullable && <option value="">–</option>}
          {field.choices.map((choice) => (
            <option value={choice}>{choice}</option>
          ))}
        </select>
      ) : (
        <input
          type="text"
          inputMode={field.kind === "integer" ? "numeric" : field.kind === "number" ? "decimal" : "text"}
          autocomplete="off"
          list={listed.length ? `${id}-list` : undefined}
          {...shared}
        />
      )}
      {listed.length > 0 && (
        <datalist id={`${id}-list`}>
          {listed.map((each) => (
            <option value={each} />
          ))}
        </datalist>
      )}
      <About id={`${id}-about`} field={field} mistake={mistake} />
    </div>
  );
}

function Tick({ field, value, onChange }: Props) {
  const id = useId();
  return (
    <div class="form-field tick">
      <label>
        <input
          type="checkbox"
          checked={value === true}
          aria-describedby={`${id}-about`}
          onChange={(event) => onChange(event.currentTarget.checked)}
        />
        {field.title}
      </label>
      <About id={`${id}-about`} field={field} />
    </div>
  );
}

/** Fields that belong together; a group that may be left out is asked for by a tick. */
function Group({ field, value, onChange, ...shared }: Props) {
  const id = useId();
  const isThere = value !== null;
  return (
    <fieldset class="group">
      <legend>{field.title}</legend>
      <About id={`${id}-about`} field={field} />
      {field.isNullable && (
        <label class="form-field tick">
          <input
            type="checkbox"
            checked={isThere}
            aria-describedby={`${id}-about`}
            onChange={() => onChange(isThere ? null : draftOf(field.fields))}
          />
          {words.ask(field.title)}
        </label>
      )}
      {isThere && (
        <FormFields
          fields={field.fields}
          draft={value as Draft}
          onChange={onChange}
          {...shared}
          path={`${shared.path}.`}
        />
      )}
    </fieldset>
  );
}

/** As many groups as one likes. */
function Groups({ field, value, onChange, ...shared }: Props) {
  const id = useId();
  const groups = (value ?? []) as Draft[];
  const replaced = (at: number, ...by: Draft[]) => [
    ...groups.slice(0, at),
    ...by,
    ...groups.slice(at + 1),
  ];
  return (
    <fieldset class="group">
      <legend>{field.title}</legend>
      <About id={`${id}-about`} field={field} />
      {groups.map((group, n) => (
        <fieldset class="group">
          <legend>
            {field.title} {n + 1}
          </legend>
          <FormFields
            fields={field.fields}
            draft={group}
            onChange={(draft) => onChange(replaced(n, draft))}
            {...shared}
            path={`${shared.path}.${n}.`}
          />
          <button type="button" onClick={() => onChange(replaced(n))}>
            {text.library.remove}
          </button>
        </fieldset>
      ))}
      {groups.length < field.maxItems && (
        <button type="button" onClick={() => onChange([...groups, draftOf(field.fields)])}>
          {words.addOne(field.itemTitle)}
        </button>
      )}
    </fieldset>
  );
}

function About({
  id,
  field,
  mistake,
}: {
  id: string;
  field: Field;
  mistake?: string | undefined;
}): ComponentChildren {
  return (
    <small id={id} class="muted about">
      {mistake && <strong class="bad">{mistake} </strong>}
      <Words>{field.description}</Words>
    </small>
  );
}
