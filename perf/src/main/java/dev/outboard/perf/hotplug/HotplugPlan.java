package dev.outboard.perf.hotplug;

import dev.outboard.perf.setup.Owner;

/**
 * What a run does.
 *
 * @param rounds how often memory comes and goes
 * @param lengthBytes how much of it
 * @param pages of which kind
 * @param owner who writes the tables
 * @param strategy and {@code format}: how the drivers map
 * @param force whether memory is taken away from one driver while it uses it, in the end
 */
record HotplugPlan(
        int rounds,
        long lengthBytes,
        String pages,
        Owner owner,
        String strategy,
        String format,
        boolean force) {}
