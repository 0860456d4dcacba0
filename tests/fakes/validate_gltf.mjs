// Prints what the Khronos validator says of each GLB or glTF named: one JSON line a file.
// The package is found in the node_modules of the folder that this runs in.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const validator = createRequire(join(process.cwd(), "package.json"))("gltf-validator");
for (const path of process.argv.slice(2)) {
  const report = await validator.validateBytes(new Uint8Array(readFileSync(path)), {
    externalResourceFunction: async (uri) => new Uint8Array(readFileSync(join(dirname(path), decodeURIComponent(uri)))),
  });
  const errors = report.issues.messages.filter((message) => message.severity === 0);
  console.log(JSON.stringify({ path, errors: errors.map(({ code, message, pointer }) => `${code} ${message} ${pointer}`) }));
}
