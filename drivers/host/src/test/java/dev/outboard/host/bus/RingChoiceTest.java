package dev.outboard.host.bus;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.outboard.driver.DeviceException;
import dev.outboard.virtio.VirtioFeatures;
import org.junit.jupiter.api.Test;

class RingChoiceTest {
    private static final long BOTH = VirtioFeatures.VERSION_1 | VirtioFeatures.RING_PACKED;

    @Test
    void shouldHidePackedRingsWhereSplitOnesAreAskedFor() {
        assertThat(RingChoice.SPLIT.of(BOTH, "nic0")).isEqualTo(VirtioFeatures.VERSION_1);
        assertThat(RingChoice.AUTO.of(BOTH, "nic0")).isEqualTo(BOTH);
        assertThat(RingChoice.PACKED.of(BOTH, "nic0")).isEqualTo(BOTH);
    }

    @Test
    void shouldRefuseADeviceWithoutTheRingsThatAreAskedFor() {
        assertThat(RingChoice.AUTO.of(VirtioFeatures.VERSION_1, "nic0"))
                .isEqualTo(VirtioFeatures.VERSION_1);
        assertThatExceptionOfType(DeviceException.class)
                .isThrownBy(() -> RingChoice.PACKED.of(VirtioFeatures.VERSION_1, "nic0"))
                .withMessageContaining("nic0")
                .withMessageContaining("RING_PACKED");
    }

    @Test
    void shouldBeWrittenInSmallLetters() {
        assertThat(RingChoice.parse("packed")).isEqualTo(RingChoice.PACKED);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> RingChoice.parse("PACKED"))
                .withMessageContaining("auto, split and packed");
    }
}
