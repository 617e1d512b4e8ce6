/*
 * Round trips of one frame at a time by a DPDK port, as net-rtt times them by a driver of ours:
 * DPDK itself has no program that does. versus compiles it on the machine that it measures.
 *
 *     rtt EAL-OPTIONS -- SIZE WARM-MS MS TO-MAC
 *
 * One thread, port 0, no interrupts. Prints nanoseconds that passed and ran, trips, lost, percentiles.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_mbuf.h>

enum { FINE = 1 << 18, COARSE = 1 << 20, BURST = 32, RING = 256, NUMBER_AT = 46 };

static const uint64_t LOST_NANOS = 200000000;

static uint32_t fine[FINE];     /* nanoseconds */
static uint32_t coarse[COARSE]; /* microseconds */
static uint64_t number, lost;

static uint64_t clock_of(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static uint64_t now(void)
{
    return clock_of(CLOCK_MONOTONIC);
}

static void record(uint64_t nanos)
{
    if (nanos < FINE)
        fine[nanos]++;
    else
        coarse[nanos / 1000 < COARSE ? nanos / 1000 : COARSE - 1]++;
}

static uint64_t percentile(uint64_t total, double part)
{
    uint64_t wanted = part * total, seen = 0;
    for (uint64_t i = 0; i < FINE; i++)
        if ((seen += fine[i]) > wanted)
            return i;
    for (uint64_t i = 0; i < COARSE; i++)
        if ((seen += coarse[i]) > wanted)
            return i * 1000;
    return 0;
}

/* Returns nanoseconds, or 0 for a frame that is lost. */
static uint64_t once(struct rte_mempool *pool, const uint8_t *frame, int size)
{
    struct rte_mbuf *got[BURST], *out = rte_pktmbuf_alloc(pool);
    if (!out)
        return 0;
    char *data = rte_pktmbuf_append(out, size);
    memcpy(data, frame, size);
    number++;
    memcpy(data + NUMBER_AT, &number, sizeof number);
    uint64_t start = now();
    if (rte_eth_tx_burst(0, 0, &out, 1) != 1) {
        rte_pktmbuf_free(out);
        return 0;
    }
    for (;;) {
        int count = rte_eth_rx_burst(0, 0, got, BURST), back = 0;
        for (int i = 0; i < count; i++) {
            back |= rte_pktmbuf_data_len(got[i]) == size
                && !memcmp(rte_pktmbuf_mtod(got[i], char *) + NUMBER_AT, &number, sizeof number);
            rte_pktmbuf_free(got[i]);
        }
        uint64_t took = now() - start;
        if (back)
            return took;
        if (took > LOST_NANOS)
            return 0;
    }
}

static uint64_t run(struct rte_mempool *pool, const uint8_t *frame, int size, uint64_t millis)
{
    uint64_t start = now(), trips = 0;
    while (now() - start < millis * 1000000) {
        uint64_t took = once(pool, frame, size);
        if (took) {
            record(took);
            trips++;
        } else
            lost++;
    }
    return trips;
}

int main(int argc, char **argv)
{
    int used = rte_eal_init(argc, argv);
    if (used < 0 || argc - used != 5) {
        fprintf(stderr, "rtt: EAL-OPTIONS -- SIZE WARM-MS MS TO-MAC\n");
        return 2;
    }
    argv += used;
    int size = atoi(argv[1]);
    uint8_t frame[2048] = {0};
    struct rte_ether_addr to, own;
    struct rte_mempool *pool =
        rte_pktmbuf_pool_create("pool", 4095, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
    struct rte_eth_conf conf = {0};
    if (size < 64 || size > 1514 || rte_ether_unformat_addr(argv[4], &to) || !pool
        || rte_eth_dev_configure(0, 1, 1, &conf)
        || rte_eth_rx_queue_setup(0, 0, RING, SOCKET_ID_ANY, NULL, pool)
        || rte_eth_tx_queue_setup(0, 0, RING, SOCKET_ID_ANY, NULL) || rte_eth_dev_start(0)
        || rte_eth_macaddr_get(0, &own)) {
        fprintf(stderr, "rtt: the port cannot be set up\n");
        return 1;
    }
    memcpy(frame, &to, 6);
    memcpy(frame + 6, &own, 6);
    frame[12] = 0x88; /* IEEE 802's first type for local experiments */
    frame[13] = 0xb5;
    run(pool, frame, size, atoi(argv[2]));
    memset(fine, 0, sizeof fine);
    memset(coarse, 0, sizeof coarse);
    lost = 0;
    uint64_t start = now(), cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID);
    uint64_t trips = run(pool, frame, size, atoi(argv[3]));
    cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    printf("nanos=%" PRIu64 " cpuNanos=%" PRIu64 " ", now() - start, cpu);
    printf("trips=%" PRIu64 " lost=%" PRIu64 " p50=%" PRIu64 " p99=%" PRIu64 " p9999=%" PRIu64 "\n",
           trips, lost, percentile(trips, 0.5), percentile(trips, 0.99), percentile(trips, 0.9999));
    rte_eth_dev_stop(0);
    rte_eal_cleanup();
    return 0;
}
