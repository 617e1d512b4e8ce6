package dev.outboard.dma.mediator;

/**
 * One client's use of one resource: charged before it is used, uncharged after. The mediator's
 * thread alone, so a charge is two additions; charging ahead, by which the paper saves atomic
 * operations (section 4), would save nothing here. Allocates nothing but the text of a refusal.
 */
final class QuotaUse {
    private final String resource;
    private final String client;
    private final Quota quota;
    private long usage;
    private long maximum;
    private long failures;

    QuotaUse(String resource, String client, Quota quota) {
        this.resource = resource;
        this.client = client;
        this.quota = quota;
    }

    /**
     * Takes an amount, or counts a failure.
     *
     * @param essential whether it may go beyond the barrier
     */
    boolean charge(long amount, boolean essential) {
        long bound = essential ? quota.limit() : quota.barrier();
        // Not "usage + amount > bound", which wraps around.
        if (amount > bound - usage) {
            failures++;
            return false;
        }
        usage += amount;
        if (usage > maximum) {
            maximum = usage;
        }
        return true;
    }

    void uncharge(long amount) {
        usage -= amount;
    }

    long usage() {
        return usage;
    }

    /** What a client is told that asked for too much. */
    String refusal(long amount) {
        return ("quota %s of client=%s is used up: asked=%d usage=%d barrier=%d limit=%d"
                        + " maximum=%d failures=%d: give some back, or raise it with"
                        + " outboard mediator --quota %s:%s=BARRIER:LIMIT")
                .formatted(
                        resource,
                        client,
                        amount,
                        usage,
                        quota.barrier(),
                        quota.limit(),
                        maximum,
                        failures,
                        client,
                        resource);
    }

    QuotaReport report() {
        return new QuotaReport(resource, usage, maximum, quota, failures);
    }
}
