package dev.outboard.uio.pci;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What a function says of itself, rightly and wrongly. */
class ConfigurationTest {
    private final FakeConfiguration space = new FakeConfiguration();

    private void capability(int offset, int id, int next) {
        space.put(offset, 1, id).put(offset + 1, 1, next);
    }

    private void list(int first) {
        space.put(ConfigurationDescriptor.STATUS, 2, ConfigurationDescriptor.STATUS_CAPABILITIES)
                .put(ConfigurationDescriptor.CAPABILITIES, 1, first);
    }

    @Test
    void shouldTellWhoItIs() {
        space.put(0, 4, 0x11e8_1234L).put(8, 4, 0x00ff_0010L).put(0x2c, 4, 0x1100_1af4L);
        assertThat(PciIdentity.of(space))
                .isEqualTo(new PciIdentity(0x1234, 0x11e8, 0x00ff00, 0x10, 0x1af4, 0x1100))
                .hasToString("1234:11e8");
        space.put(0, 2, 0xffff);
        assertThat(PciIdentity.of(space).isPresent()).isFalse();
    }

    @Test
    void shouldWalkTheListOfCapabilities() {
        list(0x40);
        capability(0x40, Capability.MSI, 0x83);
        capability(0x80, Capability.VENDOR_SPECIFIC, 0x50);
        capability(0x50, Capability.VENDOR_SPECIFIC, 0);
        assertThat(Capability.of(space))
                .containsExactly(
                        new Capability(Capability.MSI, 0x40),
                        new Capability(Capability.VENDOR_SPECIFIC, 0x80),
                        new Capability(Capability.VENDOR_SPECIFIC, 0x50));
        assertThat(Capability.find(space, Capability.VENDOR_SPECIFIC))
                .contains(new Capability(Capability.VENDOR_SPECIFIC, 0x80));
        assertThat(Capability.find(space, Capability.MSIX)).isEmpty();
    }

    @Test
    void shouldHaveNoCapabilitiesWithoutTheBit() {
        space.put(ConfigurationDescriptor.CAPABILITIES, 1, 0x40);
        capability(0x40, Capability.MSI, 0);
        assertThat(Capability.of(space)).isEmpty();
    }

    @Test
    void shouldRefuseAListThatGoesRound() {
        list(0x40);
        capability(0x40, 1, 0x44);
        capability(0x44, 2, 0x40);
        assertThatThrownBy(() -> Capability.of(space))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("broken");
    }

    @Test
    void shouldRefuseAListThatLeadsIntoTheHeader() {
        list(0x10);
        assertThatThrownBy(() -> Capability.of(space)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void shouldTakeTheLongestList() {
        list(0x40);
        for (int offset = 0x40; offset < 0x100; offset += 4) {
            capability(offset, 9, offset == 0xfc ? 0 : offset + 4);
        }
        assertThat(Capability.of(space)).hasSize(48);
    }

    @Test
    void shouldEndWithAnyListThereCanBe() {
        long seed = System.nanoTime();
        var random = new Random(seed);
        for (int round = 0; round < 2000; round++) {
            for (int offset = 0x40; offset < 0x100; offset += 4) {
                space.put(offset, 4, random.nextInt());
            }
            list(random.nextInt(256));
            try {
                assertThat(Capability.of(space)).as("seed %d", seed).hasSizeLessThanOrEqualTo(48);
            } catch (IllegalArgumentException broken) {
                assertThat(broken).hasMessageContaining("broken");
            }
        }
    }

    @Test
    void shouldMeasureRegions() {
        space.base(0, 0xfff0_0000L, 0)
                .base(2, 0xffff_ffff_ffff_c000L, 0xc)
                .base(4, 0xffff_ffe0L, 1)
                .put(ConfigurationDescriptor.COMMAND, 2, 7)
                .put(0x10, 4, 0xfe10_0000L);
        assertThat(BaseAddress.of(space))
                .containsExactly(
                        new BaseAddress(0, 1 << 20, true, false, false),
                        new BaseAddress(2, 0x4000, true, true, true),
                        new BaseAddress(4, 32, false, false, false));
        assertThat(space.read(0x10, 4)).as("its address is as it was").isEqualTo(0xfe10_0000L);
        assertThat(space.read(ConfigurationDescriptor.COMMAND, 2)).isEqualTo(7);
    }

    @Test
    void shouldRefuseALengthThatIsNoPowerOfTwo() {
        space.base(1, 0xfff5_0000L, 0);
        assertThatThrownBy(() -> BaseAddress.of(space))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("base address 1");
    }

    @Test
    void shouldRefuseWhatIsNoRegister() {
        for (var access :
                List.of(
                        new int[] {0, 3},
                        new int[] {1, 2},
                        new int[] {256, 1},
                        new int[] {-4, 4},
                        new int[] {0, 8})) {
            assertThatThrownBy(() -> space.read(access[0], access[1]))
                    .isInstanceOf(IndexOutOfBoundsException.class);
        }
    }
}
