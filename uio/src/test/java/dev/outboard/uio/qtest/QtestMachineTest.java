package dev.outboard.uio.qtest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.PeerGoneException;
import dev.outboard.uio.Registers;
import dev.outboard.uio.pci.Capability;
import dev.outboard.uio.pci.PciFunction;
import dev.outboard.uio.pci.PciIdentity;
import dev.outboard.uio.vhost.PeerProcess;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** QEMU's device models, reached without a guest. */
@Timeout(60)
class QtestMachineTest {
    private static final int IDENTIFICATION = 0x00;
    private static final int LIVENESS = 0x04;
    private static final int FACTORIAL = 0x08;
    private static final int STATUS = 0x20;
    private static final int RAISE = 0x60;
    private static final int ACKNOWLEDGE = 0x64;
    private static final int SOURCE = 0x80;
    private static final int DESTINATION = 0x88;
    private static final int COUNT = 0x90;
    private static final int COMMAND = 0x98;
    private static final long BUFFER = 0x40000;
    private static final long INTERRUPT_WHEN_DONE = 4;
    private static final long FROM_DEVICE = 2;
    private static final long START = 1;
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(10);

    @TempDir Path directory;

    private QemuProcess edu() {
        return qemu("-device", "edu,addr=04.0");
    }

    private QemuProcess qemu(String... options) {
        PeerProcess.require(QemuProcess.PROGRAM);
        return QemuProcess.start(directory, List.of(options));
    }

    @Test
    void shouldFindEveryFunctionOfTheBus() throws Exception {
        Files.write(directory.resolve("disk"), new byte[1 << 20]);
        try (var qemu =
                qemu(
                        "-drive",
                        "file=disk,if=none,id=d,format=raw",
                        "-drive",
                        "file=disk,if=none,id=e,format=raw,file.locking=off",
                        "-device",
                        "edu,addr=04.0",
                        "-device",
                        "nvme,drive=d,serial=1,addr=05.0",
                        "-device",
                        "e1000e,addr=06.0",
                        "-device",
                        "virtio-net-pci,addr=07.0,disable-legacy=on",
                        "-device",
                        "virtio-rng-pci,addr=08.0,disable-legacy=on")) {
            var found = qemu.machine().functions();
            assertThat(found.get("0000:00:04.0")).hasToString("1234:11e8");
            assertThat(found.get("0000:00:05.0").classCode()).isEqualTo(0x010802);
            assertThat(found.get("0000:00:06.0")).hasToString("8086:10d3");
            assertThat(found.get("0000:00:07.0")).hasToString("1af4:1041");
            assertThat(found.get("0000:00:08.0")).hasToString("1af4:1044");
            try (var nvme = qemu.machine().open("00:05.0");
                    var net = qemu.machine().open("00:07.0")) {
                assertThat(nvme.region(0).getLong(0) & 0xffff)
                        .as("entries of a queue, less one, as the controller says")
                        .isEqualTo(0x7ff);
                assertThat(nvme.maximumVectors()).isEqualTo(65);
                assertThat(Capability.of(net.configuration()).stream().map(Capability::id))
                        .contains(Capability.VENDOR_SPECIFIC, Capability.MSIX);
                assertThat(net.maximumVectors()).isEqualTo(4);
            }
        }
    }

    @Test
    void shouldReadAndWriteRegisters() throws Exception {
        try (var qemu = edu();
                var edu = qemu.machine().open("0000:00:04.0")) {
            assertThat(PciIdentity.of(edu.configuration())).hasToString("1234:11e8");
            Registers registers = edu.region(0);
            assertThat(registers.lengthBytes()).isEqualTo(1 << 20);
            assertThat(registers.getInt(IDENTIFICATION)).isEqualTo(0x010000ed);
            registers.putInt(LIVENESS, 0x1234_5678);
            assertThat(registers.getInt(LIVENESS)).isEqualTo(~0x1234_5678);
            registers.putInt(FACTORIAL, 10);
            await(() -> (registers.getInt(STATUS) & 1) == 0);
            assertThat(registers.getInt(FACTORIAL)).isEqualTo(3_628_800);
            assertThatThrownBy(() -> registers.getInt(1 << 20))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> registers.getInt(2))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> edu.region(1)).hasMessageContaining("base address 1");
        }
    }

    @Test
    void shouldSignalAnInterrupt() throws Exception {
        try (var qemu = edu();
                var edu = qemu.machine().open("00:04.0");
                var event = EventDescriptor.create()) {
            Registers registers = edu.region(0);
            assertThat(edu.maximumVectors()).isOne();
            edu.signal(List.of(event));
            registers.putInt(RAISE, 1);
            assertThat(event.await(100_000_000)).as("without the right to DMA").isFalse();
            registers.putInt(ACKNOWLEDGE, 1);
            edu.allowDma(true);
            for (int round = 0; round < 5; round++) {
                registers.putInt(RAISE, 1);
                assertThat(event.await(PATIENCE_NANOS)).isTrue();
                assertThat(event.drain()).isOne();
                registers.putInt(ACKNOWLEDGE, 1);
            }
            edu.signal(List.of());
            registers.putInt(RAISE, 1);
            assertThat(event.await(100_000_000)).as("to nobody").isFalse();
        }
    }

    @Test
    void shouldCopyByDma() throws Exception {
        try (var qemu = edu();
                var edu = qemu.machine().open("00:04.0");
                var event = EventDescriptor.create()) {
            Registers registers = edu.region(0);
            edu.signal(List.of(event));
            edu.allowDma(true);
            MemorySegment ram = qemu.machine().ram();
            for (int at = 0; at < 1024; at++) {
                ram.set(ValueLayout.JAVA_BYTE, 0x10_0000 + at, (byte) (at * 7));
            }
            copy(registers, event, 0x10_0000, BUFFER, 1024, 0);
            copy(registers, event, BUFFER, 0x20_0000, 1024, FROM_DEVICE);
            assertThat(ram.asSlice(0x20_0000, 1024).mismatch(ram.asSlice(0x10_0000, 1024)))
                    .isEqualTo(-1);
            edu.allowDma(false);
            ram.asSlice(0x20_0000, 1024).fill((byte) 0);
            registers.putLong(SOURCE, BUFFER);
            registers.putLong(DESTINATION, 0x20_0000);
            registers.putLong(COUNT, 1024);
            registers.putLong(COMMAND, START | FROM_DEVICE);
            await(() -> (registers.getLong(COMMAND) & START) == 0);
            assertThat(ram.asSlice(0x20_0000, 1024).toArray(ValueLayout.JAVA_BYTE))
                    .as("who may not master the bus reaches nothing")
                    .containsOnly(0);
        }
    }

    private static void copy(
            Registers registers, EventDescriptor event, long from, long to, long bytes, long how) {
        registers.putLong(SOURCE, from);
        registers.putLong(DESTINATION, to);
        registers.putLong(COUNT, bytes);
        registers.putLong(COMMAND, START | how | INTERRUPT_WHEN_DONE);
        assertThat(event.await(PATIENCE_NANOS)).isTrue();
        event.drain();
        registers.putInt(ACKNOWLEDGE, registers.getInt(0x24));
        assertThat(registers.getLong(COMMAND) & START).isZero();
    }

    @Test
    void shouldResetAFunctionAndKeepItsPlace() throws Exception {
        try (var qemu =
                        qemu(
                                "-drive",
                                "driver=null-co,if=none,id=d",
                                "-device",
                                "nvme,drive=d,serial=1,addr=04.0",
                                "-device",
                                "edu,addr=05.0");
                PciFunction nvme = qemu.machine().open("00:04.0");
                PciFunction edu = qemu.machine().open("00:05.0")) {
            long place = nvme.configuration().read(0x10, 4);
            Registers registers = nvme.region(0);
            registers.putInt(0x14, 0x0046_0000);
            nvme.allowDma(true);
            nvme.reset();
            assertThat(nvme.configuration().read(0x10, 4)).isEqualTo(place);
            assertThat(nvme.configuration().read(4, 2) & 4).as("no DMA").isZero();
            assertThat(registers.getInt(0x14)).as("the controller's configuration").isZero();
            assertThatThrownBy(edu::reset)
                    .isInstanceOf(UnsupportedOperationException.class)
                    .hasMessageContaining("no reset of its own");
        }
    }

    @Test
    void shouldClaimAFunctionOnce() throws Exception {
        try (var qemu = edu()) {
            int before = Descriptor.openCount();
            var edu = qemu.machine().open("00:04.0");
            assertThatThrownBy(() -> qemu.machine().open("0000:00:04.0"))
                    .hasMessageContaining("claimed already");
            edu.close();
            edu.close();
            qemu.machine().open("00:04.0").close();
            assertThatThrownBy(() -> qemu.machine().open("00:09.0"))
                    .hasMessageContaining("there is no function")
                    .hasMessageContaining("0000:00:04.0");
            assertThatThrownBy(() -> qemu.machine().open("4")).hasMessageContaining("00:04.0");
            assertThat(Descriptor.openCount()).isEqualTo(before);
        }
    }

    @Test
    void shouldSayWhenQemuEnds() throws Exception {
        try (var qemu = edu();
                var edu = qemu.machine().open("00:04.0")) {
            qemu.kill();
            assertThatThrownBy(() -> edu.region(0).getInt(0)).isInstanceOf(PeerGoneException.class);
            assertThat(qemu.machine().isGone()).isTrue();
        }
    }

    private static void await(java.util.function.BooleanSupplier condition) {
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).isLessThan(deadline);
        }
    }

    @Test
    void shouldSayAtOnceWhatIsWrongWithAnOption() {
        long start = System.nanoTime();
        assertThatThrownBy(() -> qemu("-device", "no-such-device"))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("no-such-device");
        assertThat(System.nanoTime() - start).isLessThan(TimeUnit.SECONDS.toNanos(15));
    }

    @Test
    void shouldTellOfItsEndHoweverItEnds() throws Exception {
        try (var qemu = edu()) {
            var ended = new CountDownLatch(1);
            qemu.onEnd(ended::countDown);
            assertThat(ended.getCount()).isEqualTo(1);
            qemu.kill();
            assertThat(ended.await(10, TimeUnit.SECONDS)).isTrue();
        }
    }
}
