/** The app's own worker: the package's, and whatever else the app wants in it. */
import "filigree/worker";

globalThis.isOwn = true;
