package dev.outboard.models;

import java.util.function.BooleanSupplier;

/** Waits for what another thread is about to do. */
final class Await {
    private static final long LIMIT_NANOS = 30_000_000_000L;

    private Await() {}

    /** Looks until it is so; fails after thirty seconds. */
    static void until(String what, BooleanSupplier condition) {
        long deadline = System.nanoTime() + LIMIT_NANOS;
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("waited thirty seconds for: " + what);
            }
            Thread.yield();
        }
    }
}
