"""lit over this folder: every .mlir and .test file with RUN lines.

The tools under test come first on PATH, then those of LLVM (FileCheck, not,
split-file); %python is the interpreter with numpy and onnx, %adze_models the
folder of models, empty if there is none.
"""
import os

import lit.formats

config.name = 'adze'
config.suffixes = ['.mlir', '.test']
config.excludes = ['Inputs', 'fixtures', 'data', 'models', 'conformance']
# The RUN lines are bash: some have loops.
config.test_format = lit.formats.ShTest(execute_external=True)
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.adze_build, 'test')

tools = [os.path.join(config.adze_build, folder, tool)
         for folder, tool in (('tools', 'adze'), ('tools', 'adze-opt'), ('tools', 'adze-reduce'),
                              ('test/tools', 'adze-conformance'), ('test/tools', 'adze-import'),
                              ('test/tools', 'adze-interp'), ('test/tools', 'adze-jit'),
                              ('test/tools', 'adze-translate'), ('test', 'kernels'))]
path = tools + [os.path.dirname(config.adze_python), config.llvm_tools, os.environ['PATH']]
config.environment['PATH'] = os.pathsep.join(path)
config.environment['ADZE_PYTHON'] = config.adze_python
config.environment['LC_ALL'] = 'C.UTF-8'
for name in ('HOME', 'TMPDIR'):
    if name in os.environ:
        config.environment[name] = os.environ[name]

config.substitutions.append(('%python', config.adze_python))
config.substitutions.append(('%adze_models', os.environ.get('ADZE_MODELS', '')))
