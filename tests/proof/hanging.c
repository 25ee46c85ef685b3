/* An LV2 instrument that plays silence for a second, and then never returns. The structure is that of
   the LV2 core specification (lv2plug.in/ns/lv2core), so that no header is needed. */
#include <stdint.h>
#include <stdlib.h>

typedef struct {
    const char *uri;
    void *(*instantiate)(const void *, double, const char *, const void *);
    void (*connect_port)(void *, uint32_t, void *);
    void (*activate)(void *);
    void (*run)(void *, uint32_t);
    void (*deactivate)(void *);
    void (*cleanup)(void *);
    const void *(*extension_data)(const char *);
} Descriptor;

typedef struct {
    float *out;
    uint64_t frames;
} Hanging;

static void *instantiate(const void *d, double rate, const char *path, const void *features) {
    return calloc(1, sizeof(Hanging));
}

static void connect_port(void *self, uint32_t port, void *data) {
    if (port == 1) ((Hanging *)self)->out = data;
}

static void run(void *self, uint32_t count) {
    Hanging *me = self;
    for (uint32_t i = 0; i < count; i++) me->out[i] = 0;
    me->frames += count;
    for (volatile uint64_t i = 0; me->frames > 48000; i++) {}
}

static const Descriptor descriptor = {
    "urn:ripieno:hanging", instantiate, connect_port, 0, run, 0, free, 0,
};

const Descriptor *lv2_descriptor(uint32_t number) { return number ? 0 : &descriptor; }
