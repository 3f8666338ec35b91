/* The Python module parley.primitives._known_keys; its types are in the .pyi file of that name. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdlib.h>

#include "judge.h"
#include "scalar.h"

#define TABLE_NAME "parley.primitives._known_keys.table"

enum { KEY_BYTES = 64 };

/* Each interpreter has a table of its own. */
struct state {
    struct table *of_generator;
};

static void free_table(PyObject *capsule) { free(PyCapsule_GetPointer(capsule, TABLE_NAME)); }

/* Argument: 64 bytes, x || y. */
static PyObject *make_key_table(PyObject *module, PyObject *argument)
{
    (void)module;
    struct table *table;
    struct point key;
    if (!PyBytes_Check(argument)) {
        PyErr_SetString(PyExc_TypeError, "a key is bytes");
        return NULL;
    }
    if (PyBytes_GET_SIZE(argument) != KEY_BYTES) {
        PyErr_SetString(PyExc_ValueError, "a key has 64 bytes");
        return NULL;
    }
    const uint8_t *bytes = (const uint8_t *)PyBytes_AS_STRING(argument);
    key.x = read_number(bytes), key.y = read_number(bytes + NUMBER_BYTES);
    if (is_beyond_field(&key.x) || is_beyond_field(&key.y) || !is_on_curve(&key)) {
        PyErr_SetString(PyExc_ValueError, "no point of the curve");
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    table = make_table(&key, KEY_WIDTH);
    Py_END_ALLOW_THREADS
    if (table == NULL)
        return PyErr_NoMemory();
    PyObject *capsule = PyCapsule_New(table, TABLE_NAME, free_table);
    if (capsule == NULL)
        free(table);
    return capsule;
}

/* Arguments: table, digests, signatures. Bytes never change, so they are read without a copy and without the lock. */
static PyObject *judge_signatures(PyObject *module, PyObject *arguments)
{
    const struct state *state = PyModule_GetState(module);
    PyObject *capsule, *digests, *signatures;
    if (!PyArg_ParseTuple(arguments, "OSS", &capsule, &digests, &signatures))
        return NULL;
    const struct table *table = PyCapsule_GetPointer(capsule, TABLE_NAME);
    if (table == NULL)
        return NULL;
    Py_ssize_t count = PyBytes_GET_SIZE(digests) / DIGEST_BYTES;
    if (PyBytes_GET_SIZE(digests) % DIGEST_BYTES != 0 || PyBytes_GET_SIZE(signatures) % SIGNATURE_BYTES != 0
        || PyBytes_GET_SIZE(signatures) / SIGNATURE_BYTES != count) {
        PyErr_SetString(PyExc_ValueError, "32 bytes of digest and 65 of signature for each");
        return NULL;
    }
    PyObject *verdicts = PyBytes_FromStringAndSize(NULL, count);
    if (verdicts == NULL)
        return NULL;
    int is_judged;
    Py_BEGIN_ALLOW_THREADS
    is_judged = judge(state->of_generator, table, (const uint8_t *)PyBytes_AS_STRING(digests),
                      (const uint8_t *)PyBytes_AS_STRING(signatures), (size_t)count,
                      (uint8_t *)PyBytes_AS_STRING(verdicts));
    Py_END_ALLOW_THREADS
    if (!is_judged) {
        Py_DECREF(verdicts);
        return PyErr_NoMemory();
    }
    return verdicts;
}

static int start(PyObject *module)
{
    struct state *state = PyModule_GetState(module);
    state->of_generator = make_table(&generator, GENERATOR_WIDTH);
    if (state->of_generator != NULL)
        return 0;
    PyErr_NoMemory();
    return -1;
}

static void stop(void *module)
{
    struct state *state = PyModule_GetState(module);
    if (state != NULL)
        free(state->of_generator);
}

static PyMethodDef methods[] = {
    {"make_table", make_key_table, METH_O, "Return what is computed once for a key of 64 bytes."},
    {"judge", judge_signatures, METH_VARARGS, "Return a byte for each signature: 1 where the key made it, else 0."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, start},
#if PY_VERSION_HEX >= 0x030c0000
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#if PY_VERSION_HEX >= 0x030d0000
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_known_keys",
    .m_doc = "Judge signatures of keys that are known, without the interpreter lock.",
    .m_size = sizeof(struct state),
    .m_methods = methods,
    .m_slots = slots,
    .m_free = stop,
};

PyMODINIT_FUNC PyInit__known_keys(void) { return PyModuleDef_Init(&definition); }
