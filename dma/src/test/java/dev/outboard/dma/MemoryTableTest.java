package dev.outboard.dma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.iommu.Access;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.vhost.MemoryRegion;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class MemoryTableTest {
    private static final long USER = 0x7000_0000_0000L;

    private static List<MemoryRegion> regions(PhysicalMemory memory, long userOffset) {
        List<MemoryRegion> regions = new ArrayList<>();
        for (PhysicalSegment segment : memory.segments()) {
            regions.add(
                    new MemoryRegion(
                            segment.physicalAddress(),
                            segment.lengthBytes(),
                            segment.physicalAddress() + userOffset,
                            0,
                            segment.descriptor().duplicate()));
        }
        return regions;
    }

    @Test
    void shouldReachEveryRegionAndNothingElse() {
        try (PhysicalMemory memory = PhysicalMemory.create(8192, 4096);
                MemoryTable table = MemoryTable.of(regions(memory, 0))) {
            DmaWindow window = new DmaWindow();
            long first = memory.segments().get(0).physicalAddress();
            long second = memory.segments().get(1).physicalAddress();
            memory.segments().get(1).memory().set(ValueLayout.JAVA_INT, 8, 4711);
            table.enter();
            assertThat(table.resolve(second + 8, 4, Access.READ, window)).isTrue();
            assertThat(window.memory().get(ValueLayout.JAVA_INT, window.offset())).isEqualTo(4711);
            assertThat(table.resolve(first + 8000, 1000, Access.WRITE, window)).isTrue();
            assertThat(window.lengthBytes()).as("no further than the region").isEqualTo(192);
            assertThat(table.resolve(first - 1, 1, Access.READ, window)).isFalse();
            assertThat(table.resolve(first + 8192, 1, Access.READ, window)).isFalse();
            assertThat(table.resolve(second + 4096, 1, Access.READ, window)).isFalse();
            assertThat(table.resolve(-1, 1, Access.READ, window)).isFalse();
            assertThat(table.resolve(first, 0, Access.READ, window)).isFalse();
            assertThat(table.resolve(first, -5, Access.READ, window)).isFalse();
            assertThat(table.resolve(first, Long.MAX_VALUE, Access.READ, window)).isTrue();
            assertThat(window.lengthBytes()).isEqualTo(8192);
            table.exit();
            assertThat(table.faults()).isEqualTo(6);
            assertThat(table.isTranslated()).isFalse();
            assertThatThrownBy(() -> table.resolve(first, 1, Access.READ, window))
                    .hasMessageContaining("enter first");
        }
    }

    @Test
    void shouldTurnUserAddressesOfRingsIntoGuestAddresses() {
        try (PhysicalMemory memory = PhysicalMemory.create(8192, 4096);
                MemoryTable table = MemoryTable.of(regions(memory, 0x7f00_0000_0000L))) {
            long second = memory.segments().get(1).physicalAddress();
            assertThat(table.ringAddress(second + 0x7f00_0000_0000L + 64)).isEqualTo(second + 64);
            assertThat(table.ringAddress(second)).isEqualTo(-1);
            assertThat(table.ringAddress(second + 0x7f00_0000_0000L + 4096)).isEqualTo(-1);
            assertThat(table.ringAddress(-1)).isEqualTo(-1);
        }
    }

    @Test
    void shouldRefuseRegionsThatCannotBeAndCloseTheirDescriptors() {
        try (PhysicalMemory memory = PhysicalMemory.create(8192)) {
            regions(memory, 0).forEach(region -> region.descriptor().close());
            int before = Descriptor.openCount();
            refuse(memory, 1L << 32, 8193, 0, "beyond its file");
            refuse(memory, 1L << 32, 4096, 8192, "beyond its file");
            refuse(memory, 1L << 32, 4096, -4096, "beyond its file");
            refuse(memory, 1L << 32, 0, 0, "is empty");
            refuse(memory, -4096, 4096, 0, "wraps around");
            refuse(memory, Long.MAX_VALUE - 4095, 4096, 0, "wraps around");
            List<MemoryRegion> twice = new ArrayList<>(regions(memory, 0));
            twice.addAll(regions(memory, 0));
            assertThatThrownBy(() -> MemoryTable.of(twice)).hasMessageContaining("overlaps");
            List<MemoryRegion> many = new ArrayList<>();
            for (int index = 0; index <= MemoryTable.MAX_REGIONS; index++) {
                many.addAll(regions(memory, 0));
            }
            assertThatThrownBy(() -> MemoryTable.of(many)).hasMessageContaining("regions=129");
            assertThat(Descriptor.openCount()).isEqualTo(before);
        }
    }

    @Test
    void shouldTakeAndGiveUpRegionsBetweenSectionsOnly() {
        try (PhysicalMemory memory = PhysicalMemory.create(8192, 4096, 4096);
                MemoryTable table = MemoryTable.of(regions(memory, USER).subList(0, 1))) {
            DmaWindow window = new DmaWindow();
            List<MemoryRegion> more = regions(memory, USER);
            more.removeFirst().descriptor().close();
            long second = more.get(0).guestAddress();
            long before = table.enter();
            assertThat(table.resolve(second, 1, Access.READ, window)).isFalse();
            assertThatThrownBy(() -> table.add(more.get(0)))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("outside a DMA section");
            assertThat(more.get(0).descriptor().isClosed()).isTrue();
            table.exit();
            table.add(regions(memory, USER).get(1));
            table.add(more.get(1));
            assertThat(table.enter()).as("nothing resolved is void").isEqualTo(before);
            assertThat(table.resolve(second, 1, Access.READ, window)).isTrue();
            assertThatThrownBy(() -> table.remove(more.get(0)))
                    .isInstanceOf(IllegalStateException.class);
            table.exit();
            table.remove(more.get(0));
            assertThat(table.enter()).as("what was resolved may be void").isNotEqualTo(before);
            assertThat(table.resolve(second, 1, Access.READ, window)).isFalse();
            assertThat(table.resolve(more.get(1).guestAddress(), 1, Access.READ, window)).isTrue();
            table.exit();
            assertThat(table.ringAddress(second + USER)).isEqualTo(-1);
            assertThatThrownBy(() -> table.remove(more.get(0)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("there is no region");
            assertThat(table.regions()).isEqualTo(2);
        }
    }

    @Test
    void shouldRefuseOneMoreRegionThatOverlapsAndKeepWhatThereIs() {
        try (PhysicalMemory memory = PhysicalMemory.create(8192);
                MemoryTable table = MemoryTable.of(regions(memory, USER))) {
            int before = Descriptor.openCount();
            long guest = memory.segments().getFirst().physicalAddress();
            long far = 1L << 50;
            refuse(memory, table, guest + 4096, far, 4096);
            refuse(memory, table, guest - 4095, far, 4096);
            refuse(memory, table, far, guest + USER + 8191, 1);
            refuse(memory, table, far, guest + USER - 8191, 8192);
            refuse(memory, table, far, far, 0);
            assertThat(Descriptor.openCount()).isEqualTo(before);
            assertThat(table.regions()).isOne();
            assertThat(table.ringAddress(guest + USER)).isEqualTo(guest);
        }
    }

    private static void refuse(
            PhysicalMemory memory, MemoryTable table, long guest, long user, long length) {
        Descriptor file = memory.segments().getFirst().descriptor().duplicate();
        assertThatThrownBy(() -> table.add(new MemoryRegion(guest, length, user, 0, file)))
                .isInstanceOf(IllegalArgumentException.class);
        assertThat(file.isClosed()).isTrue();
    }

    private static void refuse(
            PhysicalMemory memory, long guest, long length, long offset, String why) {
        Descriptor descriptor = memory.segments().getFirst().descriptor().duplicate();
        MemoryRegion region = new MemoryRegion(guest, length, guest, offset, descriptor);
        assertThatThrownBy(() -> MemoryTable.of(List.of(region)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(why);
        assertThat(descriptor.isClosed()).isTrue();
    }
}
