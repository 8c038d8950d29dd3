"""Holds the includes of src/ against the module lists (PUBLIC, USES) in each src/*/CMakeLists.txt.

Faults: an include of a module that is not under USES, of a header that is not PUBLIC there, of a
header that does not exist, and a cycle among the modules. Tests (*_test.cpp, *_test.h) and src/testing may
also use what TEST_USES names. Usage: check_layering.py SOURCE_DIR
"""

import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s+"([a-z_0-9]+)/([^"]+)"', re.MULTILINE)


def parse_module(path):
    text = re.sub(r"#.*", "", path.read_text())
    call = re.search(r"cupola_module\(\s*(\w+)(.*?)\)", text, re.DOTALL)
    if not call:
        return None
    lists = {"PUBLIC": [], "USES": [], "LINKS": [], "TEST_USES": []}
    current = None
    for word in call.group(2).split():
        if word in lists:
            current = word
        elif current:
            lists[current].append(word)
    return call.group(1), lists


def find_cycle(uses):
    done, path = set(), []

    def visit(module):
        if module in path:
            return path[path.index(module) :] + [module]
        if module in done:
            return None
        path.append(module)
        for used in uses.get(module, []):
            if cycle := visit(used):
                return cycle
        path.pop()
        done.add(module)
        return None

    for module in uses:
        if cycle := visit(module):
            return cycle
    return None


def main(root):
    src = pathlib.Path(root) / "src"
    modules = {}
    for cmake in sorted(src.glob("*/CMakeLists.txt")):
        parsed = parse_module(cmake)
        if parsed:
            modules[parsed[0]] = parsed[1]

    faults = []
    for name, lists in modules.items():
        for used in lists["USES"] + lists["TEST_USES"]:
            if used not in modules:
                faults.append(f"src/{name}/CMakeLists.txt: uses {used}, which is no module")
        for header in lists["PUBLIC"]:
            if not (src / name / header).is_file():
                faults.append(f"src/{name}/CMakeLists.txt: PUBLIC {header} does not exist")

    for file in sorted(src.glob("*/**/*")):
        if file.suffix not in {".h", ".cpp"}:
            continue
        module = file.relative_to(src).parts[0]
        if module not in modules:
            faults.append(f"{file.relative_to(root)}: its folder is no module")
            continue
        allowed = set(modules[module]["USES"]) | {module}
        is_test = file.name.endswith(("_test.cpp", "_test.h"))
        if is_test:
            allowed |= set(modules[module]["TEST_USES"])
        for used, header in INCLUDE.findall(file.read_text()):
            where = f"{file.relative_to(root)}: #include \"{used}/{header}\""
            if not (src / used / header).is_file():
                faults.append(f"{where}: no such header")
            elif used not in allowed:
                faults.append(f"{where}: {module} does not list {used} under USES")
            elif used != module and header not in modules[used]["PUBLIC"]:
                faults.append(f"{where}: not among the PUBLIC headers of {used}")

    if cycle := find_cycle({name: lists["USES"] for name, lists in modules.items()}):
        faults.append("cycle among modules: " + " -> ".join(cycle))

    for fault in faults:
        print(fault)
    print(f"layering: {len(modules)} modules, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "."))
