package dev.outboard.uio.vfio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.uio.Descriptor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

/** The address spaces, byte by byte as {@code linux/vfio.h} and {@code linux/iommufd.h} want it. */
class AddressSpaceTest {
    private static final int MAP = 0x3b71;
    private static final int UNMAP = 0x3b72;
    private static final int INFO = 0x3b70;
    private static final int ENOENT = 2;
    private static final int ENOMEM = 12;
    private static final int EEXIST = 17;
    private static final int ENOSPC = 28;
    private static final int EMSGSIZE = 90;

    private final Arena arena = Arena.ofAuto();
    private final MemorySegment memory = arena.allocate(16 << 12, 1 << 12);

    private static FakeNode container() {
        var node = new FakeNode("/dev/vfio/vfio");
        node.numbers.put(0x3b64, 0);
        node.numbers.put(0x3b65, 1);
        node.numbers.put(0x3b66, 0);
        node.structures.put(MAP, argument -> 0);
        node.structures.put(UNMAP, argument -> 0);
        node.structures.put(INFO, AddressSpaceTest::tell);
        return node;
    }

    /** Two ranges and 65,533 mappings left, in a list of two capabilities. */
    private static int tell(MemorySegment info) {
        int wanted = 24 + 48 + 12;
        if (info.byteSize() >= wanted) {
            put(info, 16, 24);
            put(info, 24, 1 | 1 << 16);
            put(info, 28, 72);
            put(info, 32, 2);
            putLong(info, 40, 0);
            putLong(info, 48, 0xfedf_ffffL);
            putLong(info, 56, 0xfef0_0000L);
            putLong(info, 64, (1L << 39) - 1);
            put(info, 72, 3 | 1 << 16);
            put(info, 76, 0);
            put(info, 80, 65_533);
        }
        put(info, 0, wanted);
        put(info, 4, 3);
        putLong(info, 8, 0x4020_1000L);
        return 0;
    }

    private static void put(MemorySegment at, long offset, int value) {
        at.set(ValueLayout.JAVA_INT_UNALIGNED, offset, value);
    }

    private static void putLong(MemorySegment at, long offset, long value) {
        at.set(ValueLayout.JAVA_LONG_UNALIGNED, offset, value);
    }

    private static VfioContainer started(FakeNode node) {
        var container = new VfioContainer(node);
        container.start();
        return container;
    }

    /** As little-endian processors write it. */
    private static String hex(int word) {
        return "%08x".formatted(Integer.reverseBytes(word));
    }

    private static String hex(long word) {
        return "%016x".formatted(Long.reverseBytes(word));
    }

    @Test
    void shouldLearnWhatTheContainerCanDo() {
        try (var container = started(container())) {
            assertThat(container.pageBytes()).isEqualTo(4096);
            assertThat(container.ranges()).hasToString("[0x0-0xfedfffff, 0xfef00000-0x7fffffffff]");
            assertThat(container.left()).isEqualTo(65_533);
        }
    }

    @Test
    void shouldMapAsTheHeaderSays() {
        var node = container();
        try (var container = started(node)) {
            assertThat(container.map(0x1000, memory, 0x2000, 0x3000, AddressSpace.READ)).isTrue();
            assertThat(container.map(0x9000, memory, 0, 0x1000, 3)).isTrue();
        }
        assertThat(node.asked(MAP))
                .containsExactly(
                        hex(32)
                                + hex(1)
                                + hex(memory.address() + 0x2000)
                                + hex(0x1000L)
                                + hex(0x3000L),
                        hex(32) + hex(3) + hex(memory.address()) + hex(0x9000L) + hex(0x1000L));
    }

    @Test
    void shouldUnmapAsTheHeaderSays() {
        var node = container();
        try (var container = started(node)) {
            assertThat(container.unmap(0x1000, 0x3000)).isEqualTo(0x3000);
            container.unmapAll();
        }
        assertThat(node.asked(UNMAP))
                .containsExactly(
                        hex(24) + hex(0) + hex(0x1000L) + hex(0x3000L),
                        hex(24) + hex(2) + hex(0L) + hex(0L));
    }

    @Test
    void shouldUnmapAllPieceByPieceWhereTheKernelIsOld() {
        var node = container();
        node.extensions = extension -> extension == 3 ? 1 : 0;
        try (var container = started(node)) {
            container.unmapAll();
        }
        assertThat(node.asked(UNMAP))
                .containsExactly(
                        hex(24) + hex(0) + hex(0L) + hex(1L << 62),
                        hex(24) + hex(0) + hex(1L << 62) + hex(1L << 62));
    }

    @Test
    void shouldRefuseAContainerThatItDoesNotKnow() {
        int before = Descriptor.openCount();
        var future = container();
        future.numbers.put(0x3b64, 1);
        assertThatThrownBy(() -> new VfioContainer(future))
                .isInstanceOf(VfioException.class)
                .hasMessageContaining("version 1");
        var other = container();
        other.extensions = extension -> 0;
        assertThatThrownBy(() -> new VfioContainer(other))
                .isInstanceOf(VfioException.class)
                .hasMessageContaining("modprobe vfio_iommu_type1");
        assertThat(future.closed && other.closed).isTrue();
        assertThat(Descriptor.openCount()).isEqualTo(before);
    }

    @Test
    void shouldTellWhyMemoryIsNotMapped() {
        var node = container();
        try (var container = started(node)) {
            node.structures.put(MAP, argument -> -ENOSPC);
            assertThat(container.map(0x1000, memory, 0, 0x1000, 3)).isFalse();
            node.structures.put(MAP, argument -> -ENOMEM);
            assertThatThrownBy(() -> container.map(0x1000, memory, 0, 0x1000, 3))
                    .isInstanceOf(VfioException.class)
                    .hasMessageContaining("ulimit -l");
            node.structures.put(MAP, argument -> -EEXIST);
            assertThatThrownBy(() -> container.map(0x1000, memory, 0, 0x1000, 3))
                    .hasMessageContaining("overlaps");
            node.structures.put(MAP, argument -> -FakeNode.EINVAL);
            assertThatThrownBy(() -> container.map(0xfee0_0000L, memory, 0, 0x1000, 3))
                    .hasMessageContaining("outside of [0x0-0xfedfffff");
            assertThatThrownBy(() -> container.map(0x1000, memory, 0, 0x1000, 3))
                    .hasMessageContaining("pages are of 0x1000");
            node.structures.put(UNMAP, argument -> -FakeNode.EINVAL);
            assertThatThrownBy(() -> container.unmap(0x1000, 0x1000))
                    .hasMessageContaining("unmap whole mappings");
        }
    }

    @Test
    void shouldMapNothingThatIsNotInTheMemory() {
        var node = container();
        try (var container = started(node)) {
            assertThatThrownBy(() -> container.map(0, memory, 0, memory.byteSize() + 1, 3))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> container.map(0, memory, -1, 1, 3))
                    .isInstanceOf(IndexOutOfBoundsException.class);
        }
        assertThat(node.asked(MAP)).isEmpty();
        var closed = started(container());
        closed.close();
        closed.close();
        assertThatThrownBy(() -> closed.map(0, memory, 0, 1, 3))
                .isInstanceOf(IllegalStateException.class);
    }

    @Test
    void shouldEndAListOfCapabilitiesThatMakesNoSense() {
        try (Arena confined = Arena.ofConfined()) {
            var info = confined.allocate(64, 8);
            put(info, 24, 7);
            put(info, 28, 24);
            assertThat(Capabilities.find(info, 24, 1)).as("a circle").isEqualTo(-1);
            put(info, 28, 16);
            assertThat(Capabilities.find(info, 24, 1)).as("backwards").isEqualTo(-1);
            put(info, 28, 1 << 30);
            assertThat(Capabilities.find(info, 24, 1)).as("out").isEqualTo(-1);
            put(info, 28, -8);
            assertThat(Capabilities.find(info, 24, 1)).as("negative").isEqualTo(-1);
            assertThat(Capabilities.find(info, 0, 7)).as("none").isEqualTo(-1);
            put(info, 24, 1);
            put(info, 32, -1);
            assertThat(Capabilities.pairs(info, 24)).as("as many as fit").hasSize(1);
        }
    }

    private static FakeNode iommufd() {
        var node = new FakeNode("/dev/iommu");
        node.structures.put(
                0x3b81,
                argument -> {
                    put(argument, 8, 5);
                    return 0;
                });
        node.structures.put(0x3b85, argument -> 0);
        node.structures.put(0x3b86, argument -> 0);
        node.structures.put(
                0x3b84,
                argument -> {
                    int room = argument.get(ValueLayout.JAVA_INT, 8);
                    put(argument, 8, 20);
                    putLong(argument, 24, 1);
                    if (room < 20) {
                        return -EMSGSIZE;
                    }
                    long list = argument.get(ValueLayout.JAVA_LONG, 16);
                    var ranges = MemorySegment.ofAddress(list).reinterpret(20L * 16);
                    for (int index = 0; index < 20; index++) {
                        putLong(ranges, index * 16L, index * 0x10000L);
                        putLong(ranges, index * 16L + 8, index * 0x10000L + 0x7fff);
                    }
                    return 0;
                });
        return node;
    }

    @Test
    void shouldSpeakToIommufdAsTheHeaderSays() {
        var node = iommufd();
        var device = new FakeNode("/dev/vfio/devices/vfio0");
        device.structures.put(0x3b76, argument -> 0);
        device.structures.put(0x3b77, argument -> 0);
        try (var space = new IommufdSpace(node);
                device) {
            int number = node.descriptor().number();
            space.attach(device);
            assertThat(device.asked(0x3b76))
                    .containsExactly(hex(16) + hex(0) + hex(number) + hex(0));
            assertThat(device.asked(0x3b77)).containsExactly(hex(12) + hex(0) + hex(5));
            assertThat(node.asked(0x3b81)).containsExactly(hex(12) + hex(0) + hex(0));
            assertThat(space.ranges()).hasSize(20).startsWith(new IovaRange(0, 0x7fff));
            assertThat(space.pageBytes()).isEqualTo(4096);
            assertThat(space.map(0x4000, memory, 0x1000, 0x2000, AddressSpace.WRITE)).isTrue();
            assertThat(space.unmap(0x4000, 0x2000)).isEqualTo(0x2000);
            space.unmapAll();
            node.structures.put(0x3b86, argument -> -ENOENT);
            assertThat(space.unmap(0x4000, 0x2000)).isZero();
            space.unmapAll();
            node.structures.put(0x3b85, argument -> -ENOMEM);
            assertThatThrownBy(() -> space.map(0, memory, 0, 0x1000, 3))
                    .hasMessageContaining("ulimit -l");
        }
        assertThat(node.asked(0x3b85))
                .startsWith(
                        hex(40)
                                + hex(3)
                                + hex(5)
                                + hex(0)
                                + hex(memory.address() + 0x1000)
                                + hex(0x2000L)
                                + hex(0x4000L));
        assertThat(node.asked(0x3b86))
                .startsWith(
                        hex(24) + hex(5) + hex(0x4000L) + hex(0x2000L),
                        hex(24) + hex(5) + hex(0L) + hex(-1L));
    }

    @Test
    void shouldKnowWhatARangeHolds() {
        var all = new IovaRange(0, -1);
        assertThat(all.contains(-4096, 4096)).isTrue();
        assertThat(all.contains(0, -1)).isFalse();
        var some = new IovaRange(0x1000, 0x2fff);
        assertThat(some.contains(0x1000, 0x2000)).isTrue();
        assertThat(some.contains(0x1000, 0x2001)).isFalse();
        assertThat(some.contains(0xfff, 1)).isFalse();
        assertThat(some.contains(0x3000, 1)).isFalse();
        assertThat(some.contains(0x2000, Long.MAX_VALUE)).isFalse();
        assertThat(some.contains(0x2000, 0)).isFalse();
    }
}
