/**
 * A form out of a schema of the service's OpenAPI description: which fields it has, what a person
 * wrote into them as the body of a request, and what is wrong with it.
 */

import { text } from "../text";

export type Kind =
  | "text"
  | "integer"
  | "number"
  | "boolean"
  | "choice"
  | "texts" // a list, separated by commas
  | "numbers"
  | "json"
  | "group" // fields of its own
  | "groups"; // as many of them as one likes

export interface Field {
  name: string;
  title: string;
  description: string;
  kind: Kind;
  isRequired: boolean;
  /** May be left out: of a group, all of it. */
  isNullable: boolean;
  initial: unknown;
  choices: string[];
  /** Values that are often used. */
  suggestions: string[];
  minimum: number | null;
  maximum: number | null;
  /** The limits themselves are not allowed. */
  isOpen: { below: boolean; above: boolean };
  pattern: string | null;
  maxItems: number;
  fields: Field[];
  /** What each of several groups is called. */
  itemTitle: string;
}

/** What stands in the fields: text, ticks, groups; null is a group that is left out. */
export type Draft = { [name: string]: string | boolean | null | Draft | Draft[] };
export type Body = Record<string, unknown>;
/** What is wrong, by the path of the field: `minimum.shots`, `otherwise.0.preset`. */
export type Mistakes = Record<string, string>;

interface Schema {
  $ref?: string;
  anyOf?: Schema[];
  allOf?: Schema[];
  type?: string;
  title?: string;
  description?: string;
  default?: unknown;
  enum?: unknown[];
  const?: unknown;
  examples?: unknown[];
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  pattern?: string;
  maxItems?: number;
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
}

export interface OpenApi {
  components: { schemas: Record<string, Schema> };
}

/** The fields of one of the description's schemas, in its order. */
export function fieldsOf(document: OpenApi, name: string): Field[] {
  return propertiesOf(document, document.components.schemas[name] ?? {});
}

function propertiesOf(document: OpenApi, schema: Schema): Field[] {
  const required = new Set(schema.required);
  return Object.entries(schema.properties ?? {}).map(([name, property]) =>
    fieldOf(document, name, property, required.has(name)),
  );
}

function fieldOf(document: OpenApi, name: string, given: Schema, isRequired: boolean): Field {
  const { schema, isNullable } = resolved(document, given);
  const kind = kindOf(document, schema);
  const inner = kind === "groups" ? resolved(document, schema.items ?? {}).schema : schema;
  return {
    name,
    title: titled(name),
    description: (given.description ?? schema.description ?? "").replace(/\s*\[\d{4}\]/g, ""),
    kind,
    isRequired,
    isNullable,
    initial: given.default ?? null,
    choices: (schema.enum ?? []).map(String),
    suggestions: [...(given.examples ?? []), ...(schema.examples ?? [])].map(String),
    minimum: schema.minimum ?? schema.exclusiveMinimum ?? null,
    maximum: schema.maximum ?? schema.exclusiveMaximum ?? null,
    isOpen: {
      below: schema.exclusiveMinimum !== undefined,
      above: schema.exclusiveMaximum !== undefined,
    },
    pattern: schema.pattern ?? null,
    maxItems: schema.maxItems ?? Infinity,
    fields: kind === "group" || kind === "groups" ? propertiesOf(document, inner) : [],
    itemTitle: inner.title ?? titled(name),
  };
}

/** What a schema comes to: references followed, "or null" noted. */
function resolved(document: OpenApi, given: Schema): { schema: Schema; isNullable: boolean } {
  if (given.$ref) {
    const name = given.$ref.split("/").at(-1)!;
    return resolved(document, document.components.schemas[name] ?? {});
  }
  const wrapped = given.anyOf ?? given.allOf;
  if (!wrapped) return { schema: given, isNullable: false };
  const others = wrapped.filter((each) => each.type !== "null");
  const isNullable = others.length < wrapped.length;
  const schema = resolved(document, others[0] ?? {}).schema;
  return { schema: others.length === 1 ? schema : {}, isNullable }; // several: anything, as JSON
}

function kindOf(document: OpenApi, schema: Schema): Kind {
  if (schema.enum) return "choice";
  if (schema.properties) return "group";
  switch (schema.type) {
    case "string":
      return "text";
    case "integer":
    case "number":
    case "boolean":
      return schema.type;
    case "array": {
      const inner = kindOf(document, resolved(document, schema.items ?? {}).schema);
      if (inner === "text") return "texts";
      if (inner === "integer" || inner === "number") return "numbers";
      return inner === "group" ? "groups" : "json";
    }
    default:
      return "json";
  }
}

/** `max_images` as people read it. */
function titled(name: string): string {
  const given = text.library.form.titles[name];
  if (given) return given;
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** What stands in a form at first, or where a request is to be made again. */
export function draftOf(fields: readonly Field[], body: Body = {}): Draft {
  return Object.fromEntries(
    fields.map((field) => [field.name, written(field, body[field.name] ?? field.initial)]),
  );
}

function written(field: Field, value: unknown): Draft[string] {
  switch (field.kind) {
    case "boolean":
      return value === true;
    case "group":
      if (value === null && field.isNullable) return null;
      return draftOf(field.fields, (value ?? {}) as Body);
    case "groups":
      return ((value ?? []) as Body[]).map((each) => draftOf(field.fields, each));
    case "json":
      return isEmpty(value) ? "" : JSON.stringify(value, null, 2);
    case "texts":
    case "numbers":
      return ((value ?? []) as unknown[]).join(", ");
    default:
      return value === null || value === undefined ? "" : String(value);
  }
}

/** The body of the request: what is as it is anyway is left out. */
export function bodyOf(fields: readonly Field[], draft: Draft): { body: Body; mistakes: Mistakes } {
  const mistakes: Mistakes = {};
  return { body: readAll(fields, draft, "", mistakes), mistakes };
}

function readAll(fields: readonly Field[], draft: Draft, path: string, mistakes: Mistakes): Body {
  const body: Body = {};
  for (const field of fields) {
    const value = readOne(field, draft[field.name] ?? null, `${path}${field.name}`, mistakes);
    if (value !== null && !isAsItIs(field, value)) body[field.name] = value;
  }
  return body;
}

/** The value of a field; null where there is none. */
function readOne(field: Field, draft: Draft[string], path: string, mistakes: Mistakes): unknown {
  if (typeof draft === "boolean") return draft;
  if (Array.isArray(draft)) {
    return draft.map((each, n) => readAll(field.fields, each, `${path}.${n}.`, mistakes));
  }
  if (draft !== null && typeof draft === "object") {
    return readAll(field.fields, draft, `${path}.`, mistakes);
  }
  const word = (draft ?? "").trim();
  if (word === "") {
    if (field.isRequired) mistakes[path] = text.library.form.required;
    return null;
  }
  const { value, mistake } = parsed(field, word);
  if (mistake) mistakes[path] = mistake;
  return value;
}

function parsed(field: Field, word: string): { value: unknown; mistake: string | null } {
  const parts = () => word.split(/[,\s]+/).filter(Boolean);
  switch (field.kind) {
    case "integer":
    case "number":
      return { value: Number(word), mistake: wrongNumber(field, word) };
    case "numbers": {
      const wrong = parts().some((part) => !Number.isFinite(Number(part)));
      return { value: parts().map(Number), mistake: wrong ? text.library.form.numbers : null };
    }
    case "texts":
      return { value: parts(), mistake: null };
    case "json":
      return parsedJson(word);
    default: {
      const fits = !field.pattern || new RegExp(field.pattern).test(word);
      return { value: word, mistake: fits ? null : text.library.form.pattern };
    }
  }
}

function wrongNumber(field: Field, word: string): string | null {
  const value = Number(word);
  const { minimum, maximum, isOpen } = field;
  if (!Number.isFinite(value)) return text.library.form.number;
  if (field.kind === "integer" && !Number.isInteger(value)) return text.library.form.integer;
  if (minimum !== null && (isOpen.below ? value <= minimum : value < minimum)) {
    return isOpen.below ? text.library.form.above(minimum) : text.library.form.atLeast(minimum);
  }
  if (maximum !== null && (isOpen.above ? value >= maximum : value > maximum)) {
    return isOpen.above ? text.library.form.below(maximum) : text.library.form.atMost(maximum);
  }
  return null;
}

function parsedJson(word: string): { value: unknown; mistake: string | null } {
  try {
    const value: unknown = JSON.parse(word);
    if (typeof value === "object" && value !== null) return { value, mistake: null };
  } catch {
    // said below
  }
  return { value: null, mistake: text.library.form.json };
}

function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

/** Whether a value is the one that the service takes by itself. */
function isAsItIs(field: Field, value: unknown): boolean {
  if (field.kind === "group") return !field.isNullable && isEmpty(value);
  if (isEmpty(value) && isEmpty(field.initial)) return true;
  return JSON.stringify(value) === JSON.stringify(field.initial);
}
