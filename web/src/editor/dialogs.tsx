import type { FunctionComponent } from "preact";
import { lazy, Suspense } from "preact/compat";

// Windows that most visits do not open are loaded when they are opened.
export const CropDialog = later(() => import("./cropper").then((m) => m.CropDialog));
export const CameraDialog = later(() => import("./camera").then((m) => m.CameraDialog));
export const GalleryDialog = later(() => import("./gallery_dialog").then((m) => m.GalleryDialog));
export const SaveDialog = later(() => import("./save_dialog").then((m) => m.SaveDialog));
export const LinkDialog = later(() => import("./link_dialog").then((m) => m.LinkDialog));
export const Live = later(() => import("./live").then((m) => m.Live));

function later<P extends object>(load: () => Promise<FunctionComponent<P>>): FunctionComponent<P> {
  const Loaded: FunctionComponent<P> = lazy(load);
  return (props) => (
    <Suspense fallback={null}>
      <Loaded {...props} />
    </Suspense>
  );
}
