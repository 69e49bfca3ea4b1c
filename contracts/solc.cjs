#!/usr/bin/env node
// The compiler as forge and build.py want it: `--standard-json` from standard input, `--version`. All sources come with the input or
// are read below this folder, so the result is the same on every machine.
const fs = require("node:fs");
const path = require("node:path");
const solc = require("solc");

if (process.argv.includes("--version")) {
  console.log(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}`);
} else {
  const read = (file) => {
    for (const folder of [__dirname, path.join(__dirname, "node_modules")]) {
      const found = path.resolve(folder, file);
      if (found.startsWith(folder + path.sep) && fs.existsSync(found)) return { contents: fs.readFileSync(found, "utf8") };
    }
    return { error: `${file} is not here; run npm ci in contracts/` };
  };
  process.stdout.write(solc.compile(fs.readFileSync(0, "utf8"), { import: read }));
}
