package dev.outboard.models.nvme;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * A million commands that a driver should not send: each ends with a status, and none reaches a
 * byte that it was not granted. Run again from a seed that a failure prints.
 */
@Timeout(120)
class CommandFuzzTest {
    private static final int COMMANDS = 1_000_000;
    private static final int PAGE = 4096;
    private static final int MEMORY_BYTES = PiecewiseBus.PAGES * PAGE;
    private static final long MEDIUM_BYTES = 1 << 20;
    private static final byte GUARD = 0x5a;

    @Test
    void shouldEndEveryCommandWithAStatusAndReachNothingElse() {
        long seed = System.nanoTime();
        var random = new SplittableRandom(seed);
        try (var medium = new MemoryMedium(MEDIUM_BYTES);
                var arena = Arena.ofConfined()) {
            var memory = arena.allocate(MEMORY_BYTES, 8);
            var bus = new PiecewiseBus(memory);
            var io =
                    new IoCommands(
                            List.of(new Namespace(medium, 9), new Namespace(medium, 12)),
                            1 << 18,
                            NvmeCounters.create());
            var bytes = arena.allocate(64, 8);
            var command = new Command();
            protect(memory);
            scatter(memory, random);
            long succeeded = 0;
            for (int round = 0; round < COMMANDS; round++) {
                mutate(bytes, random);
                command.read(bytes, 0);
                int status = io.execute(bus, command);
                if (io.isRestDue()) {
                    status = io.finish();
                }
                assertThat(status).as("seed %d round %d", seed, round).isBetween(0, 0x7ff);
                succeeded += status == 0 ? 1 : 0;
                if (round % 1000 == 0) {
                    requireProtected(memory, seed, round);
                    scatter(memory, random);
                }
            }
            assertThat(succeeded).as("some of them are right").isGreaterThan(COMMANDS / 100);
        }
    }

    /** What may not be written holds a pattern. */
    private static void protect(MemorySegment memory) {
        for (int page = 0; page < PiecewiseBus.PAGES; page++) {
            if (!PiecewiseBus.isMapped(page)) {
                memory.asSlice((long) page * PAGE, PAGE).fill(GUARD);
            }
        }
    }

    private static void requireProtected(MemorySegment memory, long seed, int round) {
        for (int page = 3; page < PiecewiseBus.PAGES; page += 4) {
            for (long at = 0; at < PAGE; at += Long.BYTES) {
                long word = memory.get(ValueLayout.JAVA_LONG, (long) page * PAGE + at);
                assertThat(word)
                        .as("seed %d round %d page %d", seed, round, page)
                        .isEqualTo(0x5a5a_5a5a_5a5a_5a5aL);
            }
        }
    }

    /** Lists of pages, descriptors and ranges, right and wrong, in the pages that are read. */
    private static void scatter(MemorySegment memory, SplittableRandom random) {
        for (int page = 2; page < PiecewiseBus.PAGES; page += 4) {
            for (long at = 0; at < PAGE; at += Long.BYTES) {
                memory.set(ValueLayout.JAVA_LONG, (long) page * PAGE + at, word(random));
            }
        }
    }

    private static long word(SplittableRandom random) {
        return switch (random.nextInt(9)) {
            case 0 -> random.nextLong();
            case 1 -> 0;
            case 2 -> random.nextInt(1 << 16) | (long) random.nextInt(8) << 60;
            case 3 -> random.nextInt(64) * 16L | 0x20L + random.nextInt(2) * 0x10L << 56;
            case 4 -> random.nextInt(4096);
            // Pages that may be written, that are lists, and any byte.
            case 5, 6 -> PiecewiseBus.IOVA + random.nextInt(64) * 4L * PAGE;
            case 7 -> PiecewiseBus.IOVA + (random.nextInt(64) * 4L + 2) * PAGE;
            default -> PiecewiseBus.IOVA + random.nextInt(MEMORY_BYTES + PAGE) - PAGE;
        };
    }

    private static void mutate(MemorySegment bytes, SplittableRandom random) {
        int[] opcodes = {0, 1, 2, 2, 8, 9, random.nextInt(256)};
        int opcode = opcodes[random.nextInt(opcodes.length)];
        int flags = random.nextInt(3) == 0 ? random.nextInt(4) << 6 : 0;
        int odd = random.nextInt(20) == 0 ? random.nextInt(256) : 0;
        bytes.set(ValueLayout.JAVA_INT, 0, opcode | (flags | odd) << 8);
        bytes.set(
                ValueLayout.JAVA_INT,
                4,
                random.nextInt(10) == 0 ? random.nextInt() : 1 + random.nextInt(2));
        for (int at = 8; at < 64; at += Long.BYTES) {
            bytes.set(ValueLayout.JAVA_LONG, at, word(random));
        }
        if (random.nextBoolean()) {
            bytes.set(ValueLayout.JAVA_LONG, 40, random.nextInt(300));
            bytes.set(ValueLayout.JAVA_LONG, 48, random.nextInt(64));
        }
    }
}
