package dev.outboard.host.pci;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.dma.DmaMemory;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.Match;
import dev.outboard.driver.block.BlockQueue;
import dev.outboard.driver.block.BlockService;
import dev.outboard.driver.net.NetworkService;
import dev.outboard.uio.Descriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The virtio drivers, as they are, on QEMU's PCI functions. */
@Timeout(120)
class VirtioPciTest {
    private static final int DISK_BYTES = 1 << 20;
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(20);
    private static final String NET = "virtio-net-pci,disable-legacy=on,mq=off,";

    /** More than twice round a ring of 256. */
    private static final int FRAMES = 600;

    private static final int ROUNDS = 20;

    @TempDir Path directory;

    @ParameterizedTest
    @ValueSource(strings = {"off", "on"})
    void shouldReadAndWriteADiskOfQemus(String packed) throws Exception {
        var content = new byte[DISK_BYTES];
        new Random(5).nextBytes(content);
        var file = Files.write(directory.resolve("disk.raw"), content);
        int before = Descriptor.openCount();
        try (var bench =
                        new QemuBench(
                                directory,
                                "-drive",
                                "file=disk.raw,if=none,id=d,format=raw",
                                "-device",
                                "virtio-blk-pci,drive=d,addr=04.0,disable-legacy=on,packed="
                                        + packed);
                var device = bench.open("00:04.0", Match.type("virtio", 2));
                var disk = (BlockService) QemuBench.driver("virtio-blk").start(device);
                var memory = device.dma().allocate(128 << 10)) {
            assertThat(device.id().family()).isEqualTo("virtio");
            assertThat(disk.capacityBytes()).isEqualTo(DISK_BYTES);
            var queue = disk.queue(0);
            var seen = new HashMap<Long, Integer>();
            for (int round = 0; round < ROUNDS; round++) {
                seen.clear();
                readAll(queue, memory, seen);
            }
            assertThat(seen.values()).containsOnly(0);
            assertThat(
                            memory.memory()
                                    .mismatch(MemorySegment.ofArray(content).asSlice(0, 128 << 10)))
                    .isEqualTo(-1);
            memory.memory().asSlice(0, 4096).fill((byte) 9);
            assertThat(queue.write(1024, memory, 0, 4096, 77)).isTrue();
            queue.submit();
            while (!seen.containsKey(77L)) {
                queue.await(100_000_000);
                queue.poll(seen::put, 32);
            }
            assertThat(seen.get(77L)).isZero();
            assertThat(Arrays.copyOfRange(Files.readAllBytes(file), 1024 * 512, 1032 * 512))
                    .containsOnly(9);
        }
        assertThat(Descriptor.openCount()).isEqualTo(before);
    }

    private static void readAll(BlockQueue queue, DmaMemory memory, Map<Long, Integer> seen) {
        for (int tag = 0; tag < 32; tag++) {
            assertThat(queue.read(tag * 8L, memory, tag * 4096L, 4096, tag)).isTrue();
        }
        queue.submit();
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        while (seen.size() < 32) {
            assertThat(System.nanoTime()).isLessThan(deadline);
            queue.await(100_000_000);
            queue.poll(seen::put, 32);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"off", "on"})
    void shouldSendFramesBetweenTwoInterfacesOfQemus(String packed) throws Exception {
        try (var bench =
                        new QemuBench(
                                directory,
                                "-netdev",
                                "hubport,id=h0,hubid=0",
                                "-netdev",
                                "hubport,id=h1,hubid=0",
                                "-device",
                                NET + "netdev=h0,addr=04.0,mac=52:54:00:00:00:04,packed=" + packed,
                                "-device",
                                NET
                                        + "netdev=h1,addr=05.0,mac=52:54:00:00:00:05,packed="
                                        + packed);
                var one = bench.open("00:04.0", Match.type("virtio", 1));
                var other = bench.open("00:05.0", Match.type("virtio", 1));
                var sender = (NetworkService) QemuBench.driver("virtio-net").start(one);
                var receiver = (NetworkService) QemuBench.driver("virtio-net").start(other)) {
            assertThat(receiver.macAddress()).isEqualTo(new byte[] {0x52, 0x54, 0, 0, 0, 5});
            assertThat(receiver.isLinkUp()).isTrue();
            for (int number = 0; number < FRAMES; number++) {
                var frame = frame(60 + number % 100 * 13, number);
                var transmit = sender.transmitQueue(0);
                int buffer = transmit.claim();
                MemorySegment.copy(
                        frame,
                        0,
                        transmit.memory(),
                        ValueLayout.JAVA_BYTE,
                        transmit.offset(buffer),
                        frame.length);
                transmit.commit(buffer, frame.length);
                transmit.flush();
                assertThat(receive(receiver)).as("frame %d", number).isEqualTo(frame);
            }
        }
    }

    private static byte[] frame(int lengthBytes, int number) {
        var frame = new byte[lengthBytes];
        new Random(number).nextBytes(frame);
        byte[] addresses = {
            0x52, 0x54, 0, 0, 0, 5, 0x52, 0x54, 0, 0, 0, 4, (byte) 0x88, (byte) 0xb5
        };
        System.arraycopy(addresses, 0, frame, 0, addresses.length);
        return frame;
    }

    private static byte[] receive(NetworkService from) {
        var got = new byte[1][];
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        while (got[0] == null) {
            assertThat(System.nanoTime()).isLessThan(deadline);
            from.receiveQueue(0).await(100_000_000);
            from.receiveQueue(0)
                    .poll(
                            (memory, offset, length) ->
                                    got[0] =
                                            memory.asSlice(offset, length)
                                                    .toArray(ValueLayout.JAVA_BYTE),
                            1);
        }
        return got[0];
    }

    @Test
    void shouldSayWhatADeviceHasNot() throws Exception {
        try (var bench = new QemuBench(directory, "-device", "edu,addr=04.0");
                var device = bench.open("00:04.0", Match.pci(0x1234, 0x11e8))) {
            assertThat(device.id()).hasToString("pci vendor 1234 device 11e8 class 00ff00");
            assertThatThrownBy(device::queues)
                    .isInstanceOf(DeviceException.class)
                    .hasMessageContaining("no queues");
            assertThatThrownBy(() -> device.registers(3))
                    .isInstanceOf(DeviceException.class)
                    .hasMessageContaining("base address 3");
            assertThatThrownBy(() -> device.interrupt(1))
                    .isInstanceOf(DeviceException.class)
                    .hasMessageContaining("it has 1");
            try (var interrupt = device.interrupt(0)) {
                device.registers(0).putInt(0x60, 3);
                assertThat(interrupt.await(PATIENCE_NANOS)).isTrue();
            }
        }
    }
}
