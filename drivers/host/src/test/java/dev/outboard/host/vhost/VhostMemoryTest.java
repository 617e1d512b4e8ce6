package dev.outboard.host.vhost;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.dma.Dma;
import dev.outboard.dma.DmaMemory;
import dev.outboard.dma.MemoryInUseException;
import dev.outboard.dma.PageKind;
import dev.outboard.dma.PhysicalMemory;
import dev.outboard.dma.PhysicalSegment;
import dev.outboard.dma.Unplug;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.Match;
import dev.outboard.host.bus.DeviceSetup;
import dev.outboard.host.bus.DmaServices;
import dev.outboard.host.bus.HostedDevice;
import dev.outboard.host.bus.RingChoice;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.WaitPolicy;
import dev.outboard.uio.vhost.VhostFeatures;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a device of another program hears of memory that comes and goes. */
@Timeout(60)
class VhostMemoryTest {
    private static final long VERSION_1 = 1L << 32;
    private static final long SLOTS = VhostFeatures.PROTOCOL_CONFIGURE_MEM_SLOTS;
    private static final int MIB = 1 << 20;

    @TempDir Path folder;
    private int descriptorsBefore;
    private PhysicalMemory memory;
    private Dma dma;

    @BeforeEach
    void takeMemory() {
        PhysicalMemory.create(4096).close();
        descriptorsBefore = Descriptor.openCount();
        memory = PhysicalMemory.create(MIB);
        dma = Dma.off(memory);
    }

    @AfterEach
    void shouldHaveClosedEveryDescriptor() {
        dma.close();
        memory.close();
        assertThat(Descriptor.openCount()).isEqualTo(descriptorsBefore);
    }

    private TestDevice device(long protocol) {
        return new TestDevice(
                folder.resolve("dev.sock"),
                VERSION_1,
                protocol | VhostFeatures.PROTOCOL_CONFIG,
                new byte[8],
                1);
    }

    private HostedDevice open() {
        var setup =
                new DeviceSetup(
                        "dev",
                        Match.type("virtio", 2),
                        memory,
                        new DmaServices(() -> dma),
                        null,
                        256,
                        RingChoice.AUTO,
                        1,
                        0,
                        WaitPolicy.BLOCK,
                        false,
                        fault -> {});
        return new VhostUserBus().open(folder.resolve("dev.sock").toString(), setup);
    }

    private void unplug(PhysicalSegment segment) {
        memory.unplug(segment.physicalAddress(), segment.lengthBytes(), Unplug.REFUSE);
    }

    private static String said(String what, PhysicalSegment segment) {
        return "%s 0x%x+0x%x".formatted(what, segment.physicalAddress(), segment.lengthBytes());
    }

    @Test
    void shouldAddAndRemoveRegionsWhereThereAreMemorySlots() {
        try (var device = device(SLOTS);
                var driver = open()) {
            driver.queues().acceptFeatures(VERSION_1);
            var segment = memory.plug(2 * MIB, PageKind.BASE);
            assertThat(device.heard()).endsWith(said("added", segment));
            try (DmaMemory buffer = memory.allocate(4096, segment)) {
                assertThatThrownBy(() -> unplug(segment)).isInstanceOf(MemoryInUseException.class);
                assertThat(buffer.lengthBytes()).isEqualTo(4096);
            }
            assertThat(device.heard())
                    .as("nothing of what was refused")
                    .endsWith(said("added", segment));
            unplug(segment);
            assertThat(device.heard()).endsWith(said("removed", segment));
        }
    }

    @Test
    void shouldGiveTheTableAnewWhereThereAreNone() {
        try (var device = device(0);
                var driver = open()) {
            driver.queues().acceptFeatures(VERSION_1);
            var base = memory.segments().getFirst();
            var segment = memory.plug(MIB, PageKind.BASE);
            assertThat(tail(device, 3)).containsExactly(table(base), table(base), table(segment));
            unplug(segment);
            assertThat(tail(device, 1)).containsExactly(table(base));
        }
    }

    private static List<String> tail(TestDevice device, int count) {
        var all = device.heard();
        return all.subList(all.size() - count, all.size());
    }

    private static String table(PhysicalSegment segment) {
        return "memory 0x%x+0x%x user 0x%x file 0x0"
                .formatted(
                        segment.physicalAddress(),
                        segment.lengthBytes(),
                        segment.physicalAddress());
    }

    @Test
    void shouldGiveADeviceThatIsOpenedLaterWhatThereIsThen() {
        var segment = memory.plug(MIB, PageKind.BASE);
        var gone = memory.plug(MIB, PageKind.BASE);
        try (var device = device(SLOTS);
                var driver = open()) {
            assertThat(device.heard()).as("not before its features").doesNotContain("memory");
            unplug(gone);
            driver.queues().acceptFeatures(VERSION_1);
            assertThat(tail(device, 2))
                    .containsExactly(table(memory.segments().getFirst()), table(segment));
        }
        // Nobody is told any more.
        unplug(segment);
    }

    @Test
    void shouldRefuseByNameWhatIsMoreThanTheDeviceTakes() {
        try (var device = device(0);
                var driver = open()) {
            driver.queues().acceptFeatures(VERSION_1);
            var plugged = new ArrayList<PhysicalSegment>();
            for (int i = 0; i < 7; i++) {
                plugged.add(memory.plug(4096, PageKind.BASE));
            }
            long before = device.heard().size();
            assertThatThrownBy(() -> memory.plug(4096, PageKind.BASE))
                    .isInstanceOf(DeviceException.class)
                    .hasMessageContaining("device dev takes 8 pieces of memory, not 9")
                    .hasMessageContaining("unplug one first");
            assertThat(device.heard()).hasSize((int) before);
            assertThat(memory.segments()).hasSize(8);
            unplug(plugged.getFirst());
            memory.plug(4096, PageKind.BASE);
            assertThat(memory.segments()).hasSize(8);
        }
    }

    @Test
    void shouldUndoWhatTheDeviceRefuses() {
        try (var device = device(SLOTS);
                var driver = open()) {
            driver.queues().acceptFeatures(VERSION_1);
            var segment = memory.plug(MIB, PageKind.BASE);
            device.refuseMemory(true);
            assertThatThrownBy(() -> memory.plug(MIB, PageKind.BASE))
                    .isInstanceOf(DeviceException.class)
                    .hasMessageContaining("device dev refused memory at 0x");
            assertThatThrownBy(() -> unplug(segment))
                    .isInstanceOf(DeviceException.class)
                    .hasMessageContaining("device dev refused the end of memory at 0x");
            assertThat(memory.segments()).hasSize(2);
            // What stays is as good as ever.
            memory.allocate(4096, segment).close();
            device.refuseMemory(false);
            unplug(segment);
            assertThat(device.heard()).endsWith(said("removed", segment));
        }
    }

    @Test
    void shouldRefuseAPartOfWhatADeviceReachesAsAWhole() {
        try (var device = device(SLOTS);
                var driver = open()) {
            driver.queues().acceptFeatures(VERSION_1);
            var segment = memory.plug(MIB, PageKind.BASE);
            assertThatThrownBy(() -> memory.unplug(segment.physicalAddress(), 4096, Unplug.REFUSE))
                    .isInstanceOf(DeviceException.class)
                    .hasMessageContaining("device dev has no IOMMU and reaches whole segments");
            assertThat(device.heard()).endsWith(said("added", segment));
        }
    }

    @Test
    void shouldNotWaitForADeviceThatHasDied() {
        try (var device = device(SLOTS);
                var driver = open()) {
            driver.queues().acceptFeatures(VERSION_1);
            var segment = memory.plug(MIB, PageKind.BASE);
            device.die();
            memory.plug(MIB, PageKind.BASE);
            unplug(segment);
            assertThat(memory.segments()).hasSize(2);
            assertThat(driver.isLost()).isTrue();
        }
    }

    /** It is given up after its time, and the change is done without it. */
    @Test
    void shouldGiveUpADeviceThatDoesNotAnswer() {
        try (var device = device(SLOTS);
                var driver = open()) {
            driver.queues().acceptFeatures(VERSION_1);
            var segment = memory.plug(MIB, PageKind.BASE);
            device.silent();
            unplug(segment);
            assertThat(memory.segments()).hasSize(1);
            assertThat(driver.isLost()).isTrue();
            assertThat(device.heard()).doesNotContain(said("removed", segment));
        }
    }

    /** Memory changes on one thread while another opens and closes the device. */
    @Test
    void shouldComeAndGoWhileTheDeviceDoes() throws Exception {
        try (var device = device(SLOTS)) {
            var stopping = new AtomicBoolean();
            var changer =
                    CompletableFuture.runAsync(
                            () -> {
                                while (!stopping.get()) {
                                    unplug(memory.plug(4096, PageKind.BASE));
                                }
                            });
            for (int round = 0; round < 50; round++) {
                try (var driver = open()) {
                    driver.queues().acceptFeatures(VERSION_1);
                }
                device.awaitEnd();
            }
            stopping.set(true);
            changer.join();
            try (var driver = open()) {
                driver.queues().acceptFeatures(VERSION_1);
                assertThat(tail(device, 1)).containsExactly(table(memory.segments().getFirst()));
            }
        }
    }
}
