/* The Python module parley.primitives._sha256_search; its types are in the .pyi file of that name. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <string.h>

#include "group.h"

#if defined(__x86_64__)
#include <cpuid.h>

static int has_sha_ni(void)
{
    unsigned a, b, c, d;
    __builtin_cpu_init();
    return __builtin_cpu_supports("sse4.1") && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1);
}

/* These two ask the operating system as well whether it saves the wide registers. */
static int has_avx2(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2");
}

static int has_avx512(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f");
}
#endif

static int has_always(void) { return 1; }

static const struct implementation {
    const char *name;
    int (*is_supported)(void);
    screen_function *screen;
} implementations[] = {
    /* the fastest first */
#if defined(__x86_64__)
    {"avx512", has_avx512, screen_avx512},
    {"sha_ni", has_sha_ni, screen_sha_ni},
    {"avx2", has_avx2, screen_avx2},
#endif
    {"portable", has_always, screen_portable},
};

enum { IMPLEMENTATIONS = sizeof implementations / sizeof *implementations };

static screen_function *find_screen(const char *name)
{
    for (int i = 0; i < IMPLEMENTATIONS; i++)
        if (strcmp(implementations[i].name, name) == 0 && implementations[i].is_supported())
            return implementations[i].screen;
    PyErr_Format(PyExc_ValueError, "this processor has no %s", name);
    return NULL;
}

static PyObject *list_implementations(PyObject *module, PyObject *nothing)
{
    (void)module, (void)nothing;
    PyObject *names = PyList_New(0);
    for (int i = 0; names != NULL && i < IMPLEMENTATIONS; i++) {
        if (!implementations[i].is_supported())
            continue;
        PyObject *name = PyUnicode_FromString(implementations[i].name);
        if (name == NULL || PyList_Append(names, name) < 0)
            Py_CLEAR(names);
        Py_XDECREF(name);
    }
    PyObject *result = names == NULL ? NULL : PyList_AsTuple(names);
    Py_XDECREF(names);
    return result;
}

static int read_uint64(PyObject *value, uint64_t *result)
{
    *result = PyLong_AsUnsignedLongLong(value);
    return !(*result == (uint64_t)-1 && PyErr_Occurred());
}

/* Arguments: implementation, data, highest (32 bytes), first, tries; nothing is below 0 or beyond 2**64. */
static PyObject *run(PyObject *arguments, int is_hex)
{
    const char *name;
    Py_buffer data, highest;
    PyObject *first, *tries_object, *result = NULL;
    uint64_t tries, found = 0;
    struct search search = {.is_hex = is_hex};

    if (!PyArg_ParseTuple(arguments, "sy*y*O!O!", &name, &data, &highest, &PyLong_Type, &first, &PyLong_Type,
                          &tries_object))
        return NULL;
    screen_function *screen = find_screen(name);
    if (screen == NULL || !read_uint64(first, &search.first) || !read_uint64(tries_object, &tries))
        goto done;
    if (highest.len != 32 || tries == 0 || tries - 1 > UINT64_MAX - search.first) {
        PyErr_SetString(PyExc_ValueError, "an argument is out of range");
        goto done;
    }
    search.last = search.first + (tries - 1);
    search.data = data.buf;
    search.size_bytes = (size_t)data.len;
    for (int i = 0; i < 32; i++)
        search.highest[i / 4] = search.highest[i / 4] << 8 | ((const uint8_t *)highest.buf)[i];

    int is_found;
    Py_BEGIN_ALLOW_THREADS
    is_found = search_run(&search, screen, &found);
    Py_END_ALLOW_THREADS
    result = is_found ? PyLong_FromUnsignedLongLong(found) : Py_NewRef(Py_None);
done:
    PyBuffer_Release(&data);
    PyBuffer_Release(&highest);
    return result;
}

static PyObject *search_linear(PyObject *module, PyObject *arguments)
{
    (void)module;
    return run(arguments, 0);
}

static PyObject *search_hex(PyObject *module, PyObject *arguments)
{
    (void)module;
    return run(arguments, 1);
}

static PyMethodDef methods[] = {
    {"implementations", list_implementations, METH_NOARGS, "Return what this processor can run, fastest first."},
    {"search_linear", search_linear, METH_VARARGS, "Search counters of 8 bytes, one hash each."},
    {"search_hex", search_hex, METH_VARARGS, "Search counters in hexadecimal, two hashes each."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
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
    .m_name = "_sha256_search",
    .m_doc = "Search for a counter whose SHA-256 is low, without the interpreter lock.",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__sha256_search(void) { return PyModuleDef_Init(&definition); }
