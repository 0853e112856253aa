"""The study of losses by Ji et al. (ICCV 2025), which proposes PWLNAS."""
