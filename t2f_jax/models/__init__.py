"""Networks: arrays in, arrays out. No files, no seeds, no optimizers, no look at the machine.

    decoder             The prefix LM: a pre-norm transformer over text and image ids (Talk2Face's, with a few modern
    attention           Self-attention of the prefix LM: who sees whom, rotary positions, and one function for trainin
    attention_kernels   Attention by kernels that never hold a row's scores at once: splash attention on TPUs, cuDNN o
    dense               Dense layers of the decoder, in the layout of training or in the one that decoding on CPUs rea
    vqgan               VQGAN, the image tokenizer: an image becomes a grid of codes and codes become an image.
    upsampling          Doubling a map and convolving it, in 4/9 of the multiplications.
    quantizer           Vector quantization (van den Oord et al., 2017, arXiv:1711.00937): nearest code, straight-thro
    discriminator       Patch discriminator (Isola et al., 2017, arXiv:1611.07004): says of each patch of an image whe
    lpips               Perceptual distance: LPIPS (Zhang et al., 2018, arXiv:1801.03924) on VGG16 features, with weig
    image_tokenizer     The image tokenizer as a thing to use: uint8 images to codes and back, jitted.
    params              Parameter trees: their shapes before there are arrays, and layers stacked or single.
    flops               Model FLOPs: what one training step must compute, whatever the program does beside it.

Read first: `decoder.Decoder`.
"""
