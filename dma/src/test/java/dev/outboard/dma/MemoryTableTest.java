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
            assertThatThrownBy(() -> MemoryTable.of(many)).hasMessageContaining("regions=65");
            assertThat(Descriptor.openCount()).isEqualTo(before);
        }
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
