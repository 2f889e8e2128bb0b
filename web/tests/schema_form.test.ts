import { describe, expect, it } from "vitest";
import {
  bodyOf,
  draftOf,
  fieldsOf,
  type Draft,
  type Field,
  type OpenApi,
} from "../src/library/schema_form";

// As FastAPI describes such models.
const DOCUMENT: OpenApi = {
  components: {
    schemas: {
      Minimum: {
        properties: {
          metric: { type: "string", default: "l1" },
          at_most: { anyOf: [{ type: "number" }, { type: "null" }] },
        },
      },
      Evaluation: {
        properties: {
          shots: { type: "array", items: { type: "integer" }, default: [1, 5] },
          quick: { type: "boolean", default: true },
          measures: { anyOf: [{ type: "array", items: { type: "string" } }, { type: "null" }] },
        },
      },
      Candidate: { title: "Candidate", properties: { preset: { anyOf: [{ type: "string" }, { type: "null" }] } } },
      Job: {
        required: ["name"],
        properties: {
          name: { type: "string", pattern: "^[a-z]+$", description: "Of the model [0043]." },
          max_images: { anyOf: [{ type: "integer", exclusiveMinimum: 0 }, { type: "null" }] },
          share: { type: "number", minimum: 0, maximum: 0.5, default: 0.1 },
          layout: { enum: ["folder", "triton"], default: "folder" },
          settings: { type: "object", default: {} },
          graphs: { type: "boolean", default: true },
          minimum: {
            anyOf: [{ $ref: "#/components/schemas/Minimum" }, { type: "null" }],
            description: "How good.",
          },
          evaluation: {
            $ref: "#/components/schemas/Evaluation",
            default: { shots: [1, 5], quick: true },
          },
          otherwise: {
            type: "array",
            items: { $ref: "#/components/schemas/Candidate" },
            maxItems: 16,
            default: [],
          },
        },
      },
    },
  },
};

const FIELDS = fieldsOf(DOCUMENT, "Job");
const field = (name: string): Field => FIELDS.find((each) => each.name === name)!;
const filled = (changed: Draft): Draft => ({ ...draftOf(FIELDS), name: "zoo", ...changed });

describe("a form out of a schema", () => {
  it("has a field for each property, of the right kind", () => {
    expect(Object.fromEntries(FIELDS.map(({ name, kind }) => [name, kind]))).toEqual({
      name: "text",
      max_images: "integer",
      share: "number",
      layout: "choice",
      settings: "json",
      graphs: "boolean",
      minimum: "group",
      evaluation: "group",
      otherwise: "groups",
    });
    expect(field("name")).toMatchObject({
      title: "Name",
      description: "Of the model.",
      isRequired: true,
    });
    expect(field("max_images")).toMatchObject({ title: "Max images", isNullable: true });
    expect(field("layout").choices).toEqual(["folder", "triton"]);
    expect(field("minimum")).toMatchObject({ isNullable: true, description: "How good." });
    expect(field("evaluation").fields.map(({ kind }) => kind)).toEqual(
      ["numbers", "boolean", "texts"],
    );
    expect(field("otherwise")).toMatchObject({
      maxItems: 16,
      itemTitle: "Candidate",
      fields: [{ name: "preset" }],
    });
  });

  it("sends nothing but what was changed", () => {
    expect(bodyOf(FIELDS, filled({}))).toEqual({ body: { name: "zoo" }, mistakes: {} });
  });

  it("sends what was written in the types of the schema", () => {
    const draft = filled({
      max_images: "48",
      share: "0.25",
      settings: '{"training": {"batch_size": 4}}',
      graphs: false,
      layout: "triton",
      minimum: { metric: "l1", at_most: "0.8" },
      evaluation: { shots: "1, 2 5", quick: false, measures: "copies" },
      otherwise: [{ preset: "light" }, { preset: "" }],
    });

    expect(bodyOf(FIELDS, draft)).toEqual({
      body: {
        name: "zoo",
        max_images: 48,
        share: 0.25,
        settings: { training: { batch_size: 4 } },
        graphs: false,
        layout: "triton",
        minimum: { at_most: 0.8 },
        evaluation: { shots: [1, 2, 5], quick: false, measures: ["copies"] },
        otherwise: [{ preset: "light" }, {}],
      },
      mistakes: {},
    });
  });

  it("keeps a group that was asked for, lest what it demands is forgotten", () => {
    const draft = filled({ minimum: draftOf(field("minimum").fields) });

    expect(bodyOf(FIELDS, draft).body).toEqual({ name: "zoo", minimum: {} });
  });

  it.each([
    [{ name: "" }, "name"],
    [{ name: "Zoo 1" }, "name"],
    [{ max_images: "0" }, "max_images"],
    [{ max_images: "1.5" }, "max_images"],
    [{ share: "0.6" }, "share"],
    [{ share: "much" }, "share"],
    [{ settings: "{" }, "settings"],
    [{ settings: "3" }, "settings"],
    [{ evaluation: { shots: "one" } }, "evaluation.shots"],
    [{ minimum: { at_most: "low" } }, "minimum.at_most"],
  ])("says that %j is wrong", (changed, path) => {
    expect(Object.keys(bodyOf(FIELDS, filled(changed)).mistakes)).toEqual([path]);
  });

  it("is filled from a request that was made, and gives it back", () => {
    const body = {
      name: "zoo",
      max_images: 48,
      settings: { a: { b: 1 } },
      minimum: { at_most: 0.8 },
      evaluation: { shots: [1] },
      otherwise: [{ preset: "light" }],
    };

    expect(bodyOf(FIELDS, draftOf(FIELDS, body))).toEqual({ body, mistakes: {} });
    const whole = { ...body, max_images: 48, minimum: { metric: "l1", at_most: 0.8 } };
    expect(bodyOf(FIELDS, draftOf(FIELDS, whole)).body).toEqual(body);
  });
});
