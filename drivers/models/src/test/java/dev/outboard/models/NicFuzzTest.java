package dev.outboard.models;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outboard.virtio.PackedRingDescriptor;
import dev.outboard.virtio.VirtioFeatures;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Drivers that write nonsense into headers, orders and packed rings: others receive only frames
 * that keep the rules, and the switch lives.
 */
class NicFuzzTest extends NicFixture {
    private static final int FRAMES = 12_000;
    private static final int ROUNDS = 40;
    private static final int ENTRIES = 32;
    private static final long EVERYTHING = ~(VirtioFeatures.RING_PACKED | VirtioFeatures.IN_ORDER);
    private static final long SUMS = VirtioFeatures.NET_GUEST_CSUM;
    private static final byte[] WHOLE = new byte[12];

    /** Headers that are nearly right, before packets that are nearly right. */
    @ParameterizedTest
    @CsvSource({
        "1, 0, 2048",
        "2, 32770, 512",
        "3, 33154, 2048",
        "4, 54043195528479618, 300",
    })
    void shouldGiveNobodyAFrameThatBreaksTheRules(long seed, long takes, int bufferBytes) {
        startModel(2, false, 5_000_000);
        var hostile =
                opened(new OffloadDriver(TestDriver.open(socket(0)), EVERYTHING, 1, 2048, true));
        var opened = TestDriver.open(socket(1));
        var victim = opened(new OffloadDriver(opened, takes, 1, bufferBytes, false));
        victim.supply(0, 250);
        var random = new Random(seed);
        for (int i = 0; i < FRAMES; i++) {
            int payload = random.nextInt(4) == 0 ? random.nextInt(60_000) : random.nextInt(1400);
            var packet =
                    TestPacket.random(
                            random,
                            random.nextBoolean(),
                            random.nextBoolean() ? TestPacket.TCP : TestPacket.UDP,
                            random.nextBoolean(),
                            payload);
            byte[] header = header(random, packet);
            for (int mutations = random.nextInt(4); mutations > 0; mutations--) {
                header[random.nextInt(10)] = (byte) random.nextInt();
            }
            if (random.nextInt(3) == 0) {
                packet.frame[12 + random.nextInt(packet.headersBytes() - 12)] =
                        (byte) random.nextInt();
            }
            hostile.send(0, header, packet.frame);
            for (byte[] got = victim.poll(0); got != null; got = victim.poll(0)) {
                assertKeepsRules(victim.header, got, takes, "seed " + seed + " frame " + i);
            }
        }
        var last = NicDriver.frame(B, A, 60, 1);
        hostile.send(0, WHOLE, last);
        assertThat(victim.next(0)).isEqualTo(last);
        assertThat(port(0).disconnections() + port(1).disconnections()).isZero();
        assertThat(port(1).faults()).isZero();
    }

    private static byte[] header(Random random, TestPacket packet) {
        return switch (random.nextInt(3)) {
            case 0 -> packet.unsummed();
            case 1 -> packet.uncut(1 + random.nextInt(1500));
            default -> packet.uncut(random.nextInt(65536));
        };
    }

    private static void assertKeepsRules(byte[] header, byte[] frame, long takes, String as) {
        int flags = header[0];
        int type = header[1] & 0x7f;
        int start = header[6] & 0xff | (header[7] & 0xff) << 8;
        int offset = header[8] & 0xff | (header[9] & 0xff) << 8;
        assertThat(flags).as(as).isBetween(0, (takes & SUMS) != 0 ? 1 : 0);
        if (type == 0) {
            assertThat(frame.length).as(as).isBetween(14, 1518);
        } else {
            long needed =
                    switch (type) {
                        case 1 -> VirtioFeatures.NET_GUEST_TSO4;
                        case 4 -> VirtioFeatures.NET_GUEST_TSO6;
                        case 5 -> VirtioFeatures.NET_GUEST_USO4 | VirtioFeatures.NET_GUEST_USO6;
                        default -> throw new AssertionError(as + ": type " + type);
                    };
            assertThat(takes & needed).as(as).isNotZero();
            assertThat(flags).as(as).isEqualTo(1);
        }
        if (flags == 1) {
            assertThat(start + offset + 2).as(as).isLessThanOrEqualTo(frame.length);
            assertThat(start).as(as).isGreaterThanOrEqualTo(14);
        }
    }

    /** Every word of every kind of ring. */
    @ParameterizedTest
    @ValueSource(longs = {11, 12, 13})
    void shouldSurviveNonsenseInPackedRings(long seed) {
        startModel(2, false, 5_000_000);
        var honest = opened(NicDriver.start(socket(1), null)).supply(64);
        var random = new Random(seed);
        for (int round = 0; round < ROUNDS; round++) {
            long before = port(0).disconnections();
            long inOrder = random.nextBoolean() ? VirtioFeatures.IN_ORDER : 0;
            try (var driver =
                    TestDriver.open(socket(0)).wanting(~VirtioFeatures.IN_ORDER | inOrder)) {
                driver.negotiate(0);
                var rings = new PackedTestRing[3];
                for (int queue = 0; queue < 3; queue++) {
                    rings[queue] = driver.startPackedQueue(queue, ENTRIES - random.nextInt(8));
                }
                for (var ring : rings) {
                    nonsense(driver, ring, random);
                }
                driver.kicks.forEach(kick -> kick.signal());
                for (int i = 0; i < 3 && port(0).disconnections() == before; i++) {
                    ask(driver);
                }
            }
            Await.until("the end of a session", () -> port(0).disconnections() > before);
            assertThat(port(0).lastReason())
                    .as("seed %d round %d", seed, round)
                    .doesNotContain("unexpected")
                    .doesNotContain("the device failed");
            while (honest.poll() != null) {
                Thread.onSpinWait();
            }
        }
        assertThat(port(1).disconnections()).isZero();
        try (var next = NicDriver.start(socket(0), null)) {
            var frame = NicDriver.frame(B, A, 99, 1);
            next.send(frame, true);
            assertThat(honest.next()).isEqualTo(frame);
        }
    }

    private static void ask(TestDriver driver) {
        try {
            driver.frontEnd.readConfig(0, 8);
        } catch (RuntimeException ended) {
            assertThat(driver.frontEnd.isPeerGone()).as("%s", ended).isTrue();
        }
    }

    /** Mostly plausible: what is wrong in every word is found at the first. */
    private static void nonsense(TestDriver driver, PackedTestRing ring, Random random) {
        var data = driver.bytes(driver.dataAddress, 65536);
        for (int i = 0; i < 65536; i += 8) {
            data.set(
                    ValueLayout.JAVA_LONG_UNALIGNED,
                    i,
                    random.nextInt(3) == 0 ? 0 : random.nextLong());
        }
        ring.wish(random.nextInt());
        for (int slot = 0; slot < ring.entries; slot++) {
            int flags = random.nextInt(8) | PackedRingDescriptor.FLAG_AVAILABLE;
            if (random.nextInt(20) == 0) {
                flags = random.nextInt();
            }
            long address = driver.dataAddress + 16L * random.nextInt(2048);
            if (random.nextInt(20) == 0) {
                address = random.nextBoolean() ? random.nextLong() : ring.address;
            }
            long length =
                    random.nextInt(12) == 0 ? random.nextInt() : 16L * (1 + random.nextInt(200));
            ring.raw(slot, address, length, random.nextInt(65536), flags);
        }
    }
}
